import { expect, it } from '@jest/globals';
import { EXIT } from '../command.ts';
import { codeOf, inWords } from './dead-letters-set-aside.ts';

it.each([
  [{ halted: ['a/1'], silent: [] }, EXIT.found, /^halted: a\/1$/],
  [{ halted: ['a/1'], silent: ['http://x'] }, EXIT.found, /^halted: a\/1; http:\/\/x does not tell/],
  [{ halted: [], silent: ['http://x'] }, EXIT.failed, /^http:\/\/x does not tell: what has halted there is not known$/],
  [{ halted: [], silent: [] }, EXIT.done, /^nothing that it covers has halted$/],
])(
  'when a look at the instances finds %j, then the exit code is %i and the words say what is known',
  (look, code, words) => {
    expect(codeOf(look)).toBe(code);
    expect(inWords(look)).toMatch(words);
  },
);
