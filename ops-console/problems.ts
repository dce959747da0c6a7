import type { ProblemTable } from '@shop/chassis';

/** The codes of the console's refusals, besides the common ones. */
export const PROBLEMS = {
  PRODUCT_NOT_FOUND: { status: 404, title: 'No such product' },
  COUPON_POLICY_NOT_FOUND: { status: 404, title: 'No such coupon policy' },
  RUSH_RUNNING: { status: 409, title: 'A rush is at work' },
  AUDIT_RUNNING: { status: 409, title: 'An audit is at work' },
} as const satisfies ProblemTable;

export type ConsoleProblem = keyof typeof PROBLEMS;
