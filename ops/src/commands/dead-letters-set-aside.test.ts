import { expect, it } from '@jest/globals';
import { EXIT } from '../command.ts';
import { codeOf, inWords, openInWords } from './dead-letters-set-aside.ts';

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

it('when permits given before are open, then each is named with what is left of it; without any there are no words', () => {
  const open = { left: 40, expiresAt: new Date('2026-11-30T12:00:00Z') };
  expect(openInWords([{ id: 7, ...open }])).toBe(
    '; permits that are open: 7 (40 more messages, until 2026-11-30T12:00:00.000Z)',
  );
  expect(openInWords([])).toBe('');
});
