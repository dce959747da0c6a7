/** Fails when a line of a comment is longer than a line of code may be, and says where. Run by `npm run lint`. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.ts';

/** Characters of a line; biome holds code to the same. */
const MAX_LINE = 120;
const COMMENT = /^\s*(\/\/|\/\*|\*(\s|\/|$))/;

const patterns = ['*.ts', '*.js', '*.mjs', '*.cjs'];
const listed = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
const files = execFileSync('git', listed, { cwd: root, encoding: 'utf8' })
  .split('\n')
  // One that was moved or deleted may still be listed.
  .filter((file) => file !== '' && !file.includes('/generated/') && existsSync(join(root, file)));

const problems = files.flatMap((file) =>
  readFileSync(join(root, file), 'utf8')
    .split('\n')
    .flatMap((line, index) =>
      COMMENT.test(line) && [...line].length > MAX_LINE
        ? [`${file}:${index + 1} has ${[...line].length} characters`]
        : [],
    ),
);
if (problems.length > 0) {
  console.error(`Comments have at most ${MAX_LINE} characters a line:\n${problems.join('\n')}`);
  process.exitCode = 1;
}
