import { describe, expect, it } from '@jest/globals';
import { BALANCE_LIMIT, decideCharge } from './charge.ts';

describe('a charge', () => {
  const cases: [number, number, number | string][] = [
    [0, 1, 1],
    [5, 10_000_000, 10_000_005],
    [BALANCE_LIMIT - 1, 1, BALANCE_LIMIT],
    [BALANCE_LIMIT, 1, 'BALANCE_LIMIT_EXCEEDED'],
    [BALANCE_LIMIT + 5_000, 1, 'BALANCE_LIMIT_EXCEEDED'],
    [0, 0, 'INVALID_CHARGE_AMOUNT'],
    [0, -1, 'INVALID_CHARGE_AMOUNT'],
    [0, 0.5, 'INVALID_CHARGE_AMOUNT'],
    [0, 10_000_001, 'INVALID_CHARGE_AMOUNT'],
    [0, Number.NaN, 'INVALID_CHARGE_AMOUNT'],
  ];
  for (const [balance, amount, expected] of cases) {
    it(`when ${amount} is charged on ${balance}, then ${expected}`, () => {
      const outcome = decideCharge(balance, amount);
      expect(outcome.charged ? outcome.balanceAfter : outcome.code).toBe(expected);
    });
  }
});
