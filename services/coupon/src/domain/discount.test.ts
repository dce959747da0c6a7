import { expect, it } from '@jest/globals';
import { discountOn } from './discount.ts';

it.each([
  ['less than the order', 1_000, 3_000, 1_000],
  ['one won less than the order', 2_999, 3_000, 2_999],
  ['as much as the order', 3_000, 3_000, 3_000],
  ['more than the order', 5_000, 3_000, 3_000],
  ['something, and the order is free', 1_000, 0, 0],
])('when an amount is worth %s, then it takes off what it can', (_, amount, totalAmount, off) => {
  expect(discountOn({ kind: 'amount', amount }, totalAmount)).toBe(off);
});
