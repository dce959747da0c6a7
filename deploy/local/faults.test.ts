import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from './paths.ts';

/** The rows of docs/faults.md, each with its five cells. */
const rows = readFileSync(join(root, 'docs/faults.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| fault '))
  .map((line) => line.slice(2, -2).split(' | '));

const named = /`([\w./-]+\.test\.ts)`: "([^"]+)"/g;

describe('docs/faults.md', () => {
  it('when a fault is listed, then its row has five cells, none of them empty', () => {
    const wrong = rows.filter((cells) => cells.length !== 5 || cells.some((cell) => cell.trim() === ''));
    expect(wrong).toEqual([]);
    expect(rows.length).toBeGreaterThan(30);
  });

  it('when a row names tests, then each of them is in its file', () => {
    const missing = rows.flatMap(([fault = '', , , , tests = '']) => {
      const found = [...tests.matchAll(named)];
      if (found.length === 0) return [`${fault}: names no test`];
      return found
        .filter(([, file = '', title = '']) => !hasTest(file, title))
        .map(([, file, title]) => `${fault}: ${file} has no "${title}"`);
    });
    expect(missing).toEqual([]);
  });
});

/** Titles stand in the code in one of three kinds of quotes. */
function hasTest(file: string, title: string): boolean {
  const path = join(root, file);
  return existsSync(path) && readFileSync(path, 'utf8').includes(title);
}
