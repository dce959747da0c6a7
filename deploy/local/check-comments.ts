/**
 * Fails when a comment line is longer than a code line may be, or a test's name does not say "when …, then …".
 * Run by `npm run lint`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.ts';

/** Characters of a line; biome holds code to the same limit. */
const MAX_LINE = 120;
const COMMENT = /^\s*(\/\/|\/\*|\*(\s|\/|$))/;
/** A test's name, or the name after a table of tests; `table` is the function called with a table. */
const TEST_NAME =
  /(?<![.\w])(?:it|test)\(\s*(?<q>['"`])(?<name>(?:\\.|(?!\k<q>).)*)\k<q>,|\b(?<table>it|test|describe)\.each\b|\)\(\s*(?<r>['"`])(?<rowName>(?:\\.|(?!\k<r>).)*)\k<r>,/g;

const patterns = ['*.ts', '*.js', '*.mjs', '*.cjs'];
const listed = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
const files = execFileSync('git', listed, { cwd: root, encoding: 'utf8' })
  .split('\n')
  // A moved or deleted file may still be listed.
  .filter((file) => file !== '' && !file.includes('/generated/') && existsSync(join(root, file)));

function longComments(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      COMMENT.test(line) && [...line].length > MAX_LINE
        ? [`${index + 1} has ${[...line].length} characters; comments have at most ${MAX_LINE} a line`]
        : [],
    );
}

function oddNames(text: string): string[] {
  let table: string | undefined;
  const names: { readonly name: string; readonly index: number }[] = [];
  for (const { groups = {}, index } of text.matchAll(TEST_NAME)) {
    const name = groups.name ?? (table === 'describe' ? undefined : table && groups.rowName);
    if (name !== undefined) names.push({ name, index });
    table = groups.table ?? (groups.rowName === undefined ? table : undefined);
  }
  return names
    .filter(({ name }) => !/^when .*, then /.test(name))
    .map(({ name, index }) => `${text.slice(0, index).split('\n').length} has a test "${name}", not "when …, then …"`);
}

const problems = files.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return [...longComments(text), ...(file.endsWith('.test.ts') ? oddNames(text) : [])].map(
    (problem) => `${file}:${problem}`,
  );
});
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
}
