import type { Discount } from './discount.ts';

/** A coupon policy, as used for issuing. `issuedCount` only rises; `endedAt` is set once. Nothing else changes. */
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
  /** When an operator ended it; null while it is open. */
  readonly endedAt: Date | null;
}

/** ENDED: by an operator, and for every request that is decided after, whenever it was accepted. */
export type Openness = 'EARLY' | 'OPEN' | 'OVER' | 'ENDED';

/** Whether a request accepted at `at` is within the time of issue. */
export function opennessOf(
  { startsAt, endsAt, endedAt }: Pick<Policy, 'startsAt' | 'endsAt' | 'endedAt'>,
  at: Date,
): Openness {
  if (endedAt) return 'ENDED';
  if (startsAt && at < startsAt) return 'EARLY';
  return endsAt && at >= endsAt ? 'OVER' : 'OPEN';
}
