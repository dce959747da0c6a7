import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../../deploy/local/paths.ts';
import { MUTATIONS } from './mutations.ts';

/** How often a text stands in a file of this repository. */
const count = (file: string, text: string) => readFileSync(join(root, file), 'utf8').split(text).length - 1;

describe('the mistakes that the simulation must find', () => {
  it('when code changes, then each mistake can still be made: what it replaces stands in its file, once', () => {
    const texts = MUTATIONS.flatMap(({ name, file, from, also }) => [
      { name, file, text: from },
      ...(also ? [{ name, file, text: also.from }] : []),
    ]);
    expect(texts.filter(({ file, text }) => count(file, text) !== 1)).toEqual([]);
    expect(MUTATIONS.length).toBeGreaterThan(80);
  });
});
