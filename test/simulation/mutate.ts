/**
 * Shows that the simulation detects faults: makes one fault at a time in a scratch copy and counts the seeds until a
 * violation. Prints the table of README.md. `node test/simulation/mutate.ts [most seeds, default 3000] [words of a
 * name]`
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutation, withMistake } from '../support/mutation.ts';
import { copyTree } from '../support/scratch-copy.ts';
import { MUTATIONS } from './mutations.ts';

const [mostSeeds = '3000', words = ''] = process.argv.slice(2);

const scratch = mkdtempSync(join(tmpdir(), 'mutations-'));
try {
  copyTree(scratch, ['libs', 'services', 'deploy', 'test', 'package.json']);
  console.log('| fault | found by seed | as |\n|---|---|---|');
  for (const mutation of MUTATIONS.filter((it) => it.name.includes(words))) {
    console.log(`| ${mutation.name} | ${tryOut(mutation)} |`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** @returns the first seed that fails and its first violation */
function tryOut(mutation: Mutation): string {
  return withMistake(scratch, mutation, () => {
    const args = ['test/simulation/main.ts', '--failures', '1', '--count', mostSeeds];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: scratch, encoding: 'utf8', timeout: 180_000 });
    const failure = /^seed (\d+) after .*\n {2}(.*)$/m.exec(stdout);
    if (failure) return `${failure[1]} | ${failure[2]?.replaceAll('|', '/').slice(0, 140)}`;
    return stdout.includes(', 0 failed') ? `not within ${mostSeeds} | –` : `? | ${stderr.slice(-300)}`;
  });
}
