import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMachine } from '../../bench/src/machine.ts';
import type { JestSummary } from '../../deploy/local/commands/tally.ts';
import { jestEnv } from '../../deploy/local/commands/test.ts';
import { root } from '../../deploy/local/paths.ts';
import { withMistake } from '../support/mutation.ts';
import { copyTree } from '../support/scratch-copy.ts';
import { MISTAKES, type Mistake } from './mistakes.ts';

// `npm run mistakes` makes each mistake in a copy of the repository and runs the tests that must notice it. With words
// it makes those whose name has them; without it writes docs/reports/mistakes.md.

const COPIED = [
  ...['api', 'bench', 'deploy', 'libs', 'ops', 'ops-console', 'services', 'examples', 'test'],
  ...['jest.config.mjs', 'package.json', 'tsconfig.json'],
];
const words = process.argv.slice(2).join(' ');
const copy = mkdtempSync(join(tmpdir(), 'mistakes-'));

/** Runs a file of tests in the copy. @returns the names of the tests that failed */
function redIn(test: string): string[] {
  const output = join(copy, 'result.json');
  rmSync(output, { force: true });
  const args = [
    '--selectProjects',
    'unit',
    '--runInBand',
    '--json',
    `--outputFile=${output}`,
    '--runTestsByPath',
    test,
  ];
  spawnSync(process.execPath, [join(copy, 'node_modules/jest/bin/jest.js'), ...args], {
    cwd: copy,
    env: jestEnv({}) as NodeJS.ProcessEnv,
    stdio: 'ignore',
    timeout: 120_000,
  });
  if (!existsSync(output)) throw new Error(`${test} gave no result`);
  const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as JestSummary;
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  if (results.length === 0) throw new Error(`${test} ran no test`);
  return results.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
}

function table(rows: readonly (readonly [Mistake, readonly string[]])[]): string {
  const lines = rows.map(
    ([{ name, file, test }, red]) =>
      `| ${name} | \`${file}\` | \`${test}\` | ${red.length} | ${(red[0] ?? '**none**').replaceAll('|', '/')} |`,
  );
  return ['| mistake | in | tests | red | the first of them |', '|---|---|---|---|---|', ...lines].join('\n');
}

try {
  copyTree(copy, COPIED);
  const chosen = MISTAKES.filter((it) => it.name.includes(words));
  for (const test of new Set(chosen.map((it) => it.test))) {
    const red = redIn(test);
    if (red.length > 0) throw new Error(`${test} fails without any mistake: ${red[0]}`);
  }
  const rows = chosen.map((mistake) => {
    const red = withMistake(copy, mistake, () => redIn(mistake.test));
    console.log(`${red.length > 0 ? `${red.length} red` : 'NOT NOTICED'}  ${mistake.name}`);
    return [mistake, red] as const;
  });
  const unnoticed = rows.filter(([, red]) => red.length === 0).length;
  console.log(`${rows.length - unnoticed} of ${rows.length} mistakes were noticed`);
  if (words === '') {
    const { node, commit, at } = readMachine();
    const head = [
      '# Mistakes that tests notice',
      'Written by `npm run mistakes` from what it saw; not edited by hand. Each mistake was made in a copy of the repository, and the file of tests beside it was run.',
      `Node ${node}, commit ${commit}, ${at}.`,
      `${rows.length - unnoticed} of ${rows.length} were noticed.`,
    ];
    writeFileSync(join(root, 'docs/reports/mistakes.md'), `${head.join('\n\n')}\n\n${table(rows)}\n`);
  }
  process.exitCode = unnoticed > 0 ? 3 : 0;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
