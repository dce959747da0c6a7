import { expect, it } from '@jest/globals';
import { judge } from './clocks.ts';

it.each([
  [0, undefined],
  [-1_000, undefined],
  [-40_000, "40.0 s slow, compared with the database's"],
  [2_500, "2.5 s fast, compared with the database's"],
])('when a clock differs by %i ms, then %s is wrong with it', (skewMs, wrong) => {
  expect(judge('a clock', skewMs).wrong).toBe(wrong);
});

it('when a time is told in whole seconds only, then no clock is blamed for that', () => {
  expect(judge('a clock', 1_900, '', 1_000).wrong).toBeUndefined();
  expect(judge('a clock', 2_100, 'mind it', 1_000).wrong).toContain('mind it');
});
