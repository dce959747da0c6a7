import type { Discount } from './discount.ts';
import type { Policy } from './policy.ts';

const DAY_MS = 86_400_000;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** ISSUED ⇄ USED, ISSUED → EXPIRED, ISSUED or EXPIRED → REVOKED, USED → EXPIRED or REVOKED. */
export type CouponStatus = 'ISSUED' | 'USED' | 'EXPIRED' | 'REVOKED';

/** A coupon; its id is that of its request. */
export interface Coupon {
  readonly couponId: string;
  readonly couponPolicyId: number;
  readonly userId: number;
  readonly discount: Discount;
  readonly status: CouponStatus;
  readonly issuedAt: Date;
  /** The coupon can be used before this time. */
  readonly expiresAt: Date;
}

/** When the request or order with this id (a UUIDv7) was accepted. Throws RangeError for any other text. */
export function acceptedAt(requestId: string): Date {
  if (!UUID_V7.test(requestId)) throw new RangeError(`${requestId} is not a UUIDv7`);
  return new Date(Number.parseInt(requestId.slice(0, 8) + requestId.slice(9, 13), 16));
}

/** The coupon of a request, fully determined by the request's id and the policy. */
export function newCoupon(
  policy: Pick<Policy, 'couponPolicyId' | 'discount' | 'validDays'>,
  { requestId, userId }: { readonly requestId: string; readonly userId: number },
): Coupon {
  const issuedAt = acceptedAt(requestId);
  return {
    couponId: requestId,
    couponPolicyId: policy.couponPolicyId,
    userId,
    discount: policy.discount,
    status: 'ISSUED',
    issuedAt,
    expiresAt: new Date(issuedAt.getTime() + policy.validDays * DAY_MS),
  };
}

/**
 * The shown status. Of an unused coupon its time alone tells, as it does where an order wants it: the job may not have
 * marked it yet, or has marked it by a clock that was ahead.
 */
export function shownStatus({ status, expiresAt }: Pick<Coupon, 'status' | 'expiresAt'>, now: Date): CouponStatus {
  if (status !== 'ISSUED' && status !== 'EXPIRED') return status;
  return expiresAt <= now ? 'EXPIRED' : 'ISSUED';
}
