/**
 * `node libs/events/src/contracts/release.ts`: checks every schema against every released version of it, and writes
 * changed schemas to `schemas/released/<type>/v<n>.avsc`. Run it when a version goes out; commit the files it writes.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import avsc from 'avsc';
import { incompatibilities } from './compatibility.ts';
import { SCHEMA_FOLDER } from './schema-files.ts';
import { loadContracts } from './schemas.ts';

const RELEASED = new URL('released/', SCHEMA_FOLDER);

interface Release {
  readonly name: string;
  readonly text: string;
}

/** Released versions of a schema, oldest first. */
export function releasesOf(type: string, folder: URL = RELEASED): Release[] {
  const own = new URL(`${type}/`, folder);
  if (!existsSync(own)) return [];
  return readdirSync(own)
    .filter((name) => /^v\d+\.avsc$/.test(name))
    .sort((a, b) => Number(a.slice(1, -5)) - Number(b.slice(1, -5)))
    .map((name) => ({ name, text: readFileSync(new URL(name, own), 'utf8') }));
}

/** Breaches of compatibility, one line each, naming event, released version and field. Empty: compatible. */
export function checkReleases(schemas: ReadonlyMap<string, string>, folder: URL = RELEASED): string[] {
  const problems: string[] = [];
  for (const [type, text] of schemas) {
    for (const release of releasesOf(type, folder)) {
      for (const problem of incompatibilities(parse(text), parse(release.text))) {
        problems.push(`${type}, against its released ${release.name}: ${problem}`);
      }
    }
  }
  for (const type of existsSync(folder) ? readdirSync(folder) : []) {
    if (!schemas.has(type)) problems.push(`${type} was released and is now missing`);
  }
  return problems;
}

/** Current schemas by event type, as text. */
export function currentSchemas(): Map<string, string> {
  return new Map([...loadContracts().values()].map(({ type, text }) => [type, text]));
}

function parse(text: string): avsc.Type {
  return avsc.Type.forSchema(JSON.parse(text));
}

/** The schema without its documentation, which readers and writers ignore. */
function substance(text: string): string {
  return JSON.stringify(JSON.parse(text), (key, value: unknown) => (key === 'doc' ? undefined : value));
}

function release(): number {
  const schemas = currentSchemas();
  const problems = checkReleases(schemas);
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  if (problems.length > 0) return 1;
  for (const [type, text] of schemas) {
    const releases = releasesOf(type);
    const latest = releases.at(-1);
    if (latest && substance(latest.text) === substance(text)) continue;
    const own = new URL(`${type}/`, RELEASED);
    const file = new URL(`v${releases.length + 1}.avsc`, own);
    mkdirSync(own, { recursive: true });
    writeFileSync(file, readFileSync(new URL(`${type}.avsc`, SCHEMA_FOLDER)));
    process.stderr.write(`wrote ${fileURLToPath(file)}\n`);
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = release();
