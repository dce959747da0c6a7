import type { EventDataByType, NewEvent, ReceivedEvent } from '@shop/events';

/** What the coupon service hears about orders. */
export type SagaEvent = ReceivedEvent<'stock-reserved' | 'order-cancelled'>;

interface CouponBase {
  /** UUIDv7. */
  readonly couponId: string;
  readonly couponPolicyId: number;
  readonly userId: number;
  /** What it is worth, in won. */
  readonly discountAmount: number;
  readonly issuedAt: Date;
  /** It can be used before this moment. */
  readonly expiresAt: Date;
}

/** A coupon that an order uses. */
export interface UsedCoupon extends CouponBase {
  readonly status: 'USED';
  readonly orderId: string;
  readonly usedAt: Date;
}

/** A coupon as a redemption sees it. ISSUED may still be past its time: whoever marks the expired ones comes later. */
export type RedeemableCoupon = UsedCoupon | (CouponBase & { readonly status: 'ISSUED' | 'EXPIRED' });

interface OfOrder {
  readonly orderId: string;
  readonly userId: number;
  /** As the order names it: perhaps no coupon at all. */
  readonly couponId: string;
}

/** The coupon was used for the order (REDEEMED) and perhaps given back (RETURNED). Amounts in won. */
export interface GrantedRedemption extends OfOrder {
  readonly status: 'REDEEMED' | 'RETURNED';
  readonly totalAmount: number;
  readonly discountAmount: number;
}

/**
 * The coupon was never used: it cannot be (REJECTED), or the order was cancelled before its stock was heard of (VOID).
 */
export interface EmptyRedemption extends OfOrder {
  readonly status: 'REJECTED' | 'VOID';
  readonly reason: string;
}

/** What the service knows of one order that names a coupon; there is none until the order is heard of. */
export type Redemption = GrantedRedemption | EmptyRedemption;

/**
 * What one event is decided on, all locked. The coupon is the one that the order names; undefined for an unknown one.
 */
export interface RedemptionState {
  readonly redemption: Redemption | undefined;
  readonly coupon: RedeemableCoupon | undefined;
}

/** What changes: nothing where a part is absent. */
export interface Decision {
  readonly redemption?: Redemption;
  readonly coupon?: RedeemableCoupon;
  readonly events: readonly NewEvent[];
}

export type RejectionReason = 'COUPON_NOT_FOUND' | 'COUPON_ALREADY_USED' | 'COUPON_EXPIRED';

const NOTHING: Decision = { events: [] };

/**
 * Decides one event of one order.
 * @throws when the redemption and its coupon contradict each other: a person has to look at it
 */
export function decide({ redemption, coupon }: RedemptionState, event: SagaEvent, now: Date): Decision {
  const { couponId } = event.data;
  // An order that names no coupon is not this service's.
  if (couponId === null) return NOTHING;
  switch (event.type) {
    case 'stock-reserved':
      // Any row means that it was decided before, or that the cancellation came first (VOID).
      return redemption ? NOTHING : redeem({ ...event.data, couponId }, coupon, now);
    case 'order-cancelled':
      return giveBack({ ...event.data, couponId }, redemption, coupon, now);
    default:
      return unreachable(event);
  }
}

/** Uses the coupon for the order, once, or says why not and changes no coupon. */
function redeem(
  order: EventDataByType['stock-reserved'] & OfOrder,
  coupon: RedeemableCoupon | undefined,
  now: Date,
): Decision {
  const { orderId, userId, couponId, totalAmount } = order;
  const usable = isUsable(coupon, userId, now);
  if (typeof usable === 'string') {
    return {
      redemption: { status: 'REJECTED', orderId, userId, couponId, reason: usable },
      events: [{ type: 'coupon-rejected', data: { orderId, userId, couponId, reason: usable } }],
    };
  }
  // A coupon worth more than the order pays all of it, and no more.
  const discountAmount = Math.min(usable.discountAmount, totalAmount);
  const payableAmount = totalAmount - discountAmount;
  const amounts = { totalAmount, discountAmount };
  return {
    redemption: { status: 'REDEEMED', orderId, userId, couponId, ...amounts },
    coupon: { ...usable, status: 'USED', orderId, usedAt: now },
    events: [{ type: 'coupon-redeemed', data: { orderId, userId, couponId, ...amounts, payableAmount } }],
  };
}

/**
 * The coupon, if this user can use it now; otherwise why not. Another user's is as unknown as one that does not exist.
 */
function isUsable(coupon: RedeemableCoupon | undefined, userId: number, now: Date): RedeemableCoupon | RejectionReason {
  if (!coupon || coupon.userId !== userId) return 'COUPON_NOT_FOUND';
  switch (coupon.status) {
    case 'USED':
      return 'COUPON_ALREADY_USED';
    case 'EXPIRED':
      return 'COUPON_EXPIRED';
    case 'ISSUED':
      return isOver(coupon, now) ? 'COUPON_EXPIRED' : coupon;
    default:
      return unreachable(coupon);
  }
}

/** Undoes the order's use of its coupon, once. */
function giveBack(
  order: EventDataByType['order-cancelled'] & OfOrder,
  redemption: Redemption | undefined,
  coupon: RedeemableCoupon | undefined,
  now: Date,
): Decision {
  const { orderId, userId, couponId, reason } = order;
  switch (redemption?.status) {
    case undefined:
      return { redemption: { status: 'VOID', orderId, userId, couponId, reason }, events: [] };
    case 'REDEEMED':
      if (coupon?.status !== 'USED' || coupon.orderId !== orderId) {
        throw new Error(`order ${orderId} has redeemed the coupon ${redemption.couponId}, which it does not use`);
      }
      return { redemption: { ...redemption, status: 'RETURNED' }, coupon: unused(coupon, now), events: [] };
    case 'RETURNED':
    case 'REJECTED':
    case 'VOID':
      return NOTHING;
    default:
      return unreachable(redemption);
  }
}

function unused({ orderId: _order, usedAt: _at, ...coupon }: UsedCoupon, now: Date): RedeemableCoupon {
  return { ...coupon, status: isOver(coupon, now) ? 'EXPIRED' : 'ISSUED' };
}

function isOver({ expiresAt }: Pick<RedeemableCoupon, 'expiresAt'>, now: Date): boolean {
  return expiresAt.getTime() <= now.getTime();
}

function unreachable(value: never): never {
  throw new Error(`unexpected: ${JSON.stringify(value)}`);
}
