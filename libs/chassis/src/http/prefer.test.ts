import { expect, it } from '@jest/globals';
import { preferredWait } from './prefer.ts';

it.each([
  [undefined, undefined],
  ['', undefined],
  ['respond-async', undefined],
  ['wait', undefined],
  ['wait=soon', undefined],
  ['wait=-1', undefined],
  ['wait=1.5', undefined],
  ['await=3', undefined],
  ['wait=0', 0],
  ['wait=10', 10],
  ['Wait = "7"', 7],
  ['respond-async, wait=5; foo=bar', 5],
  ['wait=31', 30],
  ['wait=999999999', 30],
])('when a client says Prefer: %p, then it waits %p s', (header, seconds) => {
  expect(preferredWait(header)).toBe(seconds);
});
