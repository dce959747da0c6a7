import { expect, it } from '@jest/globals';
import { retryAfterMs } from './retry-after.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');

it.each([
  ['60', undefined, 60_000],
  ['0', undefined, 0],
  ['86400', undefined, 300_000],
  ['Sun, 01 Mar 2026 12:00:30 GMT', undefined, 30_000],
  ['Sun, 01 Mar 2026 11:00:00 GMT', undefined, 0],
  // The platform's clock is an hour behind.
  ['Sun, 01 Mar 2026 11:00:30 GMT', 'Sun, 01 Mar 2026 11:00:00 GMT', 30_000],
  ['Mon, 01 Mar 2100 12:00:00 GMT', undefined, 300_000],
  ['soon', undefined, undefined],
  ['-5', undefined, undefined],
  ['1.5', undefined, undefined],
  ['', undefined, undefined],
  [undefined, 'Sun, 01 Mar 2026 11:00:00 GMT', undefined],
])('when an answer says Retry-After: %s (Date: %s), then it is left alone for %s ms', (after, date, ms) => {
  const headers = new Headers({
    ...(after !== undefined && { 'retry-after': after }),
    ...(date !== undefined && { date }),
  });
  expect(retryAfterMs(headers, NOW)).toBe(ms);
});
