import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './paths.ts';

const files = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
/** Reports and decisions describe the code of their time, so files that they name may be gone. */
const isHistory = (file: string): boolean => /^docs\/(reports|adr)\//.test(file);

function without(text: string, part: RegExp): string {
  return text.replaceAll(part, '');
}

describe('documents', () => {
  it('when a document links to a file, then the file is there', () => {
    const broken = files.flatMap((file) => {
      const text = without(readFileSync(join(root, file), 'utf8'), /```.*?```/gs);
      const targets = [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
      return targets
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(root, dirname(file), target)))
        .map((target) => `${file}: ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it('when a document names a source file by its path, then the file is there', () => {
    const named =
      /`((?:libs|services|ops|ops-console|storefront|api|bench|deploy|test|k6|fuzz)\/[\w./-]+\.(?:ts|sql|json))`/g;
    const gone = files
      .filter((file) => !isHistory(file))
      .flatMap((file) =>
        [...readFileSync(join(root, file), 'utf8').matchAll(named)]
          .map(([, path = '']) => path)
          .filter((path) => !existsSync(join(root, path)))
          .map((path) => `${file}: ${path}`),
      );
    expect(gone).toEqual([]);
  });
});
