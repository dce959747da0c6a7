import { describe, expect, it } from '@jest/globals';
import { type Fate, standsStill } from './standstill.ts';

describe('whether the saga stands still', () => {
  it.each<[string, Fate[], boolean]>([
    ['no order is known', [], false],
    ['the two newest wait, and no other is known', ['pending', 'pending'], false],
    ['one is stuck, and an older one was ended', ['pending', 'ended', 'dead'], false],
    ['the three newest wait', ['pending', 'pending', 'pending', 'ended'], true],
    ['the three newest were ended by their deadline', ['dead', 'dead', 'dead', 'ended'], true],
    ['one waits behind two that were ended by their deadline', ['pending', 'dead', 'dead'], true],
    ['a probe went through', ['ended', 'dead', 'dead', 'dead'], false],
  ])('when %s, then %#: %j is %s', (_, newest, expected) => {
    expect(standsStill(newest)).toBe(expected);
  });
});
