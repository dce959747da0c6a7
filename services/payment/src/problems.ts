import type { ProblemTable } from '@shop/chassis';

/** The codes of payment's refusals, besides the common ones. */
export const PROBLEMS = {
  INVALID_CHARGE_AMOUNT: { status: 400, title: 'The amount cannot be charged' },
  BALANCE_LIMIT_EXCEEDED: { status: 400, title: 'The balance would be over its limit' },
} as const satisfies ProblemTable;

export type PaymentProblem = keyof typeof PROBLEMS;
