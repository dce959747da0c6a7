import { describe, expect, it } from '@jest/globals';
import { BALANCE_LIMIT, charge, isChargeAmount } from './charge.ts';

describe('the amount of a charge', () => {
  const cases: [number, boolean][] = [
    [1, true],
    [10_000_000, true],
    [10_000_001, false],
    [0, false],
    [-1, false],
    [0.5, false],
    [Number.NaN, false],
    [Number.POSITIVE_INFINITY, false],
  ];
  for (const [amount, valid] of cases) {
    it(`when the amount is ${amount}, then it is ${valid ? 'valid' : 'not valid'}`, () => {
      expect(isChargeAmount(amount)).toBe(valid);
    });
  }
});

describe('a charge', () => {
  const cases: [number, number, number | undefined][] = [
    [0, 1, 1],
    [5, 10_000_000, 10_000_005],
    [BALANCE_LIMIT - 1, 1, BALANCE_LIMIT],
    [BALANCE_LIMIT, 1, undefined],
    [BALANCE_LIMIT + 5_000, 1, undefined],
  ];
  for (const [balance, amount, expected] of cases) {
    it(`when ${amount} is charged on ${balance}, then the balance is ${expected ?? 'over the limit'}`, () => {
      expect(charge(balance, amount)).toBe(expected);
    });
  }
});
