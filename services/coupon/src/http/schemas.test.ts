import { expect, it } from '@jest/globals';
import { prefersAsync } from './schemas.ts';

it.each([
  ['respond-async', true],
  ['wait=10, Respond-Async', true],
  ['respond-async; x=1, wait=5', true],
  ['wait=10', false],
  ['not-respond-async', false],
  ['respond-async-not', false],
  [undefined, false],
])('when Prefer is %s, then async is %s', (header, wanted) => {
  expect(prefersAsync(header)).toBe(wanted);
});
