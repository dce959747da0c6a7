/** A coupon policy as issuing sees it. Nothing of it changes but `issuedCount`, which only rises. */
export interface Policy {
  readonly couponPolicyId: number;
  /** What each coupon is worth, in won. */
  readonly discountAmount: number;
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

/** Whether a request that was accepted at `at` falls into the time of issue. */
export function opennessOf({ startsAt, endsAt }: Pick<Policy, 'startsAt' | 'endsAt'>, at: Date): Openness {
  if (startsAt && at < startsAt) return 'EARLY';
  return endsAt && at >= endsAt ? 'OVER' : 'OPEN';
}
