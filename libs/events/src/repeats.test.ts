import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createRepeats } from './repeats.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

it("when the machine's clock is set back while a state lasts, then its line is due again in its time", () => {
  const repeats = createRepeats();
  expect(repeats.due('away')).toBe(0);
  jest.setSystemTime(Date.now() - 3_600_000);
  jest.advanceTimersByTime(59_999);
  expect(repeats.due('away')).toBeUndefined();
  jest.advanceTimersByTime(1);
  expect(repeats.due('away')).toBe(1);
});

it('when the clock that it is given is set back while a state lasts, then its line is due again at once', () => {
  let now = 3_600_000;
  const repeats = createRepeats(() => now);
  expect(repeats.due('away')).toBe(0);
  now -= 1_000;
  expect(repeats.due('away')).toBeUndefined();
  now = 0;
  expect(repeats.due('away')).toBe(1);
});
