/**
 * Shows that the simulation detects faults: makes one fault at a time in a scratch copy and counts the seeds until a
 * violation. Prints the table of README.md. `node test/simulation/mutate.ts [most seeds, default 3000] [words of a
 * name]`
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MUTATIONS, type Mutation } from './mutations.ts';

const root = resolve(import.meta.dirname, '../..');
const copied = ['libs', 'services', 'test/simulation', 'test/judge', 'test/support', 'package.json'];
const [mostSeeds = '3000', words = ''] = process.argv.slice(2);

const scratch = mkdtempSync(join(tmpdir(), 'mutations-'));
try {
  copyTree();
  console.log('| fault | found by seed | as |\n|---|---|---|');
  for (const mutation of MUTATIONS.filter((it) => it.name.includes(words))) {
    console.log(`| ${mutation.name} | ${tryOut(mutation)} |`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function copyTree(): void {
  for (const path of copied) {
    cpSync(join(root, path), join(scratch, path), {
      recursive: true,
      filter: (from) => !from.includes('/node_modules') && !from.includes('/generated/internal'),
    });
  }
  // Every package is linked except the workspaces, which are the copies.
  mkdirSync(join(scratch, 'node_modules/@shop'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@shop') symlinkSync(join(root, 'node_modules', name), join(scratch, 'node_modules', name));
  }
  for (const lib of readdirSync(join(root, 'libs')))
    symlinkSync(join(scratch, 'libs', lib), join(scratch, 'node_modules/@shop', lib));
}

/** @returns the first seed that fails and its first violation */
function tryOut({ name, file, from, to, also }: Mutation): string {
  const path = join(scratch, file);
  const text = readFileSync(path, 'utf8');
  let broken = text;
  for (const edit of [{ from, to }, ...(also ? [also] : [])]) {
    if (!broken.includes(edit.from)) throw new Error(`${file} no longer has the text that "${name}" changes`);
    broken = broken.replace(edit.from, () => edit.to);
  }
  writeFileSync(path, broken);
  try {
    const args = ['test/simulation/main.ts', '--failures', '1', '--count', mostSeeds];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: scratch, encoding: 'utf8', timeout: 180_000 });
    const failure = /^seed (\d+) after .*\n {2}(.*)$/m.exec(stdout);
    if (failure) return `${failure[1]} | ${failure[2]?.replaceAll('|', '/').slice(0, 140)}`;
    return stdout.includes(', 0 failed') ? `not within ${mostSeeds} | –` : `? | ${stderr.slice(-300)}`;
  } finally {
    writeFileSync(path, text);
  }
}
