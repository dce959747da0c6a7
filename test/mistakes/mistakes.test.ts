import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root } from '../../deploy/local/paths.ts';
import { outdated } from '../support/mutation.ts';
import { MISTAKES } from './mistakes.ts';

describe('the mistakes that tests must notice', () => {
  it('when code changes, then each mistake can still be made: what it replaces stands in its file, once', () => {
    expect(outdated(MISTAKES)).toEqual([]);
    expect(MISTAKES.filter(({ test }) => !existsSync(join(root, test)))).toEqual([]);
  });
});
