/** Fails when a line of a comment is longer than a line of code may be, and says where. Run by `npm run lint`. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.ts';

/** Characters of a line; biome holds code to the same. */
const MAX_LINE = 120;
const COMMENT = /^\s*(\/\/|\/\*|\*(\s|\/|$))/;

const files = execFileSync('git', ['ls-files', '*.ts', '*.mjs', '*.cjs'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && !file.includes('/generated/'));

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
