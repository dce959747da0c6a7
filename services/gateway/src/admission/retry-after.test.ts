import { expect, it } from '@jest/globals';
import { createRetryAfter } from './retry-after.ts';

function after(served: number, refused: number, random: () => number, laterMs = 0): number {
  let now = 0;
  const retryAfter = createRetryAfter({ now: () => now, random });
  for (let i = 0; i < served; i++) retryAfter.countServed();
  for (let i = 0; i < refused; i++) retryAfter.countRefused();
  now += laterMs;
  return retryAfter.seconds();
}
const longest = (served: number, refused: number, laterMs = 0) => after(served, refused, () => 0.999, laterMs);

it('when few are refused, then they return after a second', () => {
  expect(longest(0, 3)).toBe(1);
  expect(longest(1_000, 300)).toBe(1);
});

it('when more are refused, then they are spread over a longer time, at most half a minute', () => {
  expect(longest(1_000, 1_000)).toBe(3);
  expect(longest(1_000, 7_000)).toBe(21);
  expect(longest(10, 100_000)).toBe(30);
  expect(after(1_000, 7_000, () => 0)).toBe(1);
  expect(after(1_000, 7_000, () => 0.5)).toBe(11);
});

it('when the excess is over, then it is forgotten within seconds', () => {
  expect(longest(1_000, 7_000, 30_000)).toBe(1);
});
