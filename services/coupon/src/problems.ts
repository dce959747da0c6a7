import type { ProblemTable } from '@shop/chassis';

/** The codes of coupon's refusals, besides the common ones. */
export const PROBLEMS = {
  COUPON_POLICY_NOT_FOUND: { status: 404, title: 'No such coupon policy' },
  COUPON_SOLD_OUT: { status: 409, title: 'All coupons are gone' },
  COUPON_POLICY_ENDED: { status: 409, title: 'No more coupons are issued' },
  COUPON_NOT_OPEN: { status: 409, title: 'Coupons are not being issued now' },
} as const satisfies ProblemTable;

export type CouponProblem = keyof typeof PROBLEMS;
