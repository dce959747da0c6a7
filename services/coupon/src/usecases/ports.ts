import type { Coupon, CouponStatus } from '../domain/coupon.ts';
import type { Discount } from '../domain/discount.ts';
import type { ShownPolicy } from './add-policy.ts';

/** A coupon in the form shown to its owner; times in ISO 8601, UTC. */
export interface ShownCoupon {
  readonly couponId: string;
  readonly couponPolicyId: number;
  readonly name: string;
  readonly discount: Discount;
  readonly status: CouponStatus;
  readonly issuedAt: string;
  readonly usedAt?: string;
  readonly expiresAt: string;
}

export interface RequestState {
  readonly status: 'PENDING' | 'ISSUED' | 'SOLD_OUT' | 'ENDED';
  readonly coupon?: Coupon;
}

/** A page of a user's own coupons, newest first, only those before `before`; `status` is that shown at `now`. */
export interface CouponsWish {
  readonly userId: number;
  readonly before: string | undefined;
  readonly status: CouponStatus | undefined;
  readonly take: number;
  readonly now: Date;
}

export interface CouponReads {
  /** Sorted by id, only those after `after`. */
  listPolicies(page: { after: number | undefined; take: number }): Promise<ShownPolicy[]>;
  /** The pages of all concurrent requests, in one statement and in their order. */
  listCoupons(wishes: readonly CouponsWish[]): Promise<ShownCoupon[][]>;
  /** A user's own request on the log. */
  findRequest(userId: number, requestId: string): Promise<RequestState | undefined>;
}
