import { expect, it } from '@jest/globals';
import { createDeadLetterRate } from './isolate.ts';

it("when the database's clock is set back, then dead letters of the time before do not count for longer than a minute", () => {
  const rate = createDeadLetterRate();
  rate.add(7_200_000, 15);
  expect(rate.count(7_200_000)).toBe(15);
  // A correction of some ms forgets nothing.
  expect(rate.count(7_199_990)).toBe(15);
  expect(rate.count(5_400_000)).toBe(0);
  expect(rate.count(7_200_000)).toBe(0);
});
