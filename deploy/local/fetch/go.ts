import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTool } from '../fetch.ts';
import { progress } from '../progress.ts';
import { installed, run } from '../run.ts';
import { StackError } from '../stack-error.ts';

const tellEveryMs = 20_000;

/** A program of a Go module. */
export interface GoProgram {
  /** Also the name under which it may be installed. */
  readonly name: string;
  /** Without the v. */
  readonly version: string;
  readonly module: string;
  /** The folder of the program in its module; default: the module itself is the program. */
  readonly folder?: string;
  /** Where people get it. */
  readonly from: string;
}

/** The program's file: the installed one, else this version, built once by Go into the tools folder. */
export async function goProgram(program: GoProgram): Promise<string> {
  const { name, version } = program;
  return installed(name) ?? join(await ensureTool(`${name}-${version}`, (into) => build(program, into)), name);
}

async function build(program: GoProgram, into: string): Promise<void> {
  const { name, from } = program;
  const go = installed('go');
  if (!go) {
    throw new StackError(
      `${name} is not installed, and there is no Go to build it with. Install one of them: ${name} (${from}), or Go and run this again.`,
    );
  }
  const started = Date.now();
  progress(name, 'is built from source, once: some minutes of CPU');
  const timer = setInterval(
    () => progress(name, `still building (${Math.round((Date.now() - started) / 1000)} s)`),
    tellEveryMs,
  );
  mkdirSync(into, { recursive: true });
  try {
    await (program.folder ? buildInModule : install)(go, program, into);
  } finally {
    clearInterval(timer);
  }
}

async function install(go: string, { module, version }: GoProgram, into: string): Promise<void> {
  await run(go, ['install', `${module}@v${version}`], {
    env: { ...process.env, GOBIN: into, GOFLAGS: '-buildvcs=false' },
    isPatient: true,
  });
}

/**
 * Builds within a copy of the module: `go install` refuses a module that replaces others, and the copy has its own
 * checksums.
 */
async function buildInModule(
  go: string,
  { name, module, version, folder = '.' }: GoProgram,
  into: string,
): Promise<void> {
  const env = { ...process.env, GOFLAGS: '-buildvcs=false', CGO_ENABLED: '0' };
  const told = await run(go, ['mod', 'download', '-json', `${module}@v${version}`], { env });
  const source = join(into, 'source');
  cpSync((JSON.parse(told) as { Dir: string }).Dir, source, { recursive: true });
  makeWritable(source);
  const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', join(into, name), `./${folder}`];
  await run(go, args, { cwd: source, env, isPatient: true });
  rmSync(source, { recursive: true });
}

/** Go's store of modules is read-only, and its copy could not be removed. */
function makeWritable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(join(folder, entry.name));
  }
}
