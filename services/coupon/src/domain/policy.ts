import type { Discount } from './discount.ts';

/** A coupon policy, as used for issuing. Only `issuedCount` changes, and it only rises. */
export interface Policy {
  readonly couponPolicyId: number;
  /** The value of each coupon. */
  readonly discount: Discount;
  readonly totalQuantity: number;
  readonly issuedCount: number;
  /** Days a coupon is valid, from the moment of its request. */
  readonly validDays: number;
  /** Coupons are issued from here … */
  readonly startsAt: Date | null;
  /** … until here (exclusive); null is no bound. */
  readonly endsAt: Date | null;
}

export type Openness = 'EARLY' | 'OPEN' | 'OVER';

/** Whether a request accepted at `at` is within the time of issue. */
export function opennessOf({ startsAt, endsAt }: Pick<Policy, 'startsAt' | 'endsAt'>, at: Date): Openness {
  if (startsAt && at < startsAt) return 'EARLY';
  return endsAt && at >= endsAt ? 'OVER' : 'OPEN';
}
