import { unreachable } from '@shop/chassis/unreachable';
import type { EventDataByType, NewEvent, ReceivedEvent } from '@shop/events';
import { acceptedAt } from './coupon.ts';
import { type Discount, discountOn } from './discount.ts';

/** The order events that the coupon service consumes. */
export type SagaEvent = ReceivedEvent<'stock-reserved' | 'order-cancelled'>;

interface CouponBase {
  /** UUIDv7. */
  readonly couponId: string;
  readonly couponPolicyId: number;
  readonly userId: number;
  /** Its value. */
  readonly discount: Discount;
  readonly issuedAt: Date;
  /** The coupon can be used before this moment. */
  readonly expiresAt: Date;
  /** When its policy was revoked: a USED coupon stays with its order, and is REVOKED when it is given back. */
  readonly revokedAt: Date | null;
}

/** A coupon used by an order. */
export interface UsedCoupon extends CouponBase {
  readonly status: 'USED';
  readonly orderId: string;
  readonly usedAt: Date;
}

/** A coupon, as used for a redemption. An ISSUED coupon may be past its time: the job marks expired ones later. */
export type RedeemableCoupon = UsedCoupon | (CouponBase & { readonly status: 'ISSUED' | 'EXPIRED' | 'REVOKED' });

interface OfOrder {
  readonly orderId: string;
  readonly userId: number;
  /** The id that the order names; the coupon may not exist. */
  readonly couponId: string;
}

/**
 * The coupon was used for the order (REDEEMED) and possibly given back (RETURNED); or it takes nothing off the order,
 * and was not used (SPARED). Amounts in won.
 */
export interface GrantedRedemption extends OfOrder {
  readonly status: 'REDEEMED' | 'RETURNED' | 'SPARED';
  readonly totalAmount: number;
  readonly discountAmount: number;
}

/**
 * The coupon was never used: it is not usable (REJECTED), or the order was cancelled before its stock-reserved arrived
 * (VOID).
 */
export interface EmptyRedemption extends OfOrder {
  readonly status: 'REJECTED' | 'VOID';
  readonly reason: string;
}

/** The service's record of one order that names a coupon; undefined until an event of the order arrives. */
export type Redemption = GrantedRedemption | EmptyRedemption;

/**
 * The state that one event is decided on, all locked. The coupon is the one that the order names; undefined if unknown.
 */
export interface RedemptionState {
  readonly redemption: Redemption | undefined;
  readonly coupon: RedeemableCoupon | undefined;
}

/** The changes of a decision; absent parts do not change. */
export interface Decision {
  readonly redemption?: Redemption;
  readonly coupon?: RedeemableCoupon;
  readonly events: readonly NewEvent[];
}

/**
 * Most that the clocks of two database servers may differ, ms: the coupon's time is that of one, the order's that of
 * the other. The difference is the buyer's.
 */
export const CLOCKS_DIFFER_MS = 1_000;

export type RejectionReason = 'COUPON_NOT_FOUND' | 'COUPON_ALREADY_USED' | 'COUPON_EXPIRED' | 'COUPON_REVOKED';

const NOTHING: Decision = { events: [] };

/**
 * Decides one event of one order.
 * @throws when the redemption and its coupon contradict each other: an operator must look at it
 */
export function decide({ redemption, coupon }: RedemptionState, event: SagaEvent, now: Date): Decision {
  const { couponId } = event.data;
  // An order without a coupon does not concern this service.
  if (couponId === null) return NOTHING;
  switch (event.type) {
    case 'stock-reserved':
      // An existing row means that the event was decided before, or that the cancellation came first (VOID).
      return redemption ? NOTHING : redeem({ ...event.data, couponId }, coupon, now);
    case 'order-cancelled':
      return giveBack({ ...event.data, couponId }, redemption, coupon, now);
    default:
      return unreachable(event);
  }
}

/**
 * Uses the coupon for the order, once, or gives the reason of a rejection and changes no coupon. An order that the
 * coupon takes nothing off goes on without it: its user keeps the coupon for another.
 */
function redeem(
  order: EventDataByType['stock-reserved'] & OfOrder,
  coupon: RedeemableCoupon | undefined,
  now: Date,
): Decision {
  const { orderId, userId, couponId, totalAmount } = order;
  const usable = isUsable(coupon, userId, acceptedAt(orderId));
  if (typeof usable === 'string') {
    return {
      redemption: { status: 'REJECTED', orderId, userId, couponId, reason: usable },
      events: [couponRejected({ orderId, userId, couponId, reason: usable })],
    };
  }
  const discountAmount = discountOn(usable.discount, totalAmount);
  const amounts = { totalAmount, discountAmount };
  const events = [couponRedeemed({ orderId, userId, couponId, ...amounts }, now)];
  if (discountAmount === 0) return { redemption: { status: 'SPARED', orderId, userId, couponId, ...amounts }, events };
  return {
    redemption: { status: 'REDEEMED', orderId, userId, couponId, ...amounts },
    coupon: { ...usable, status: 'USED', orderId, usedAt: now },
    events,
  };
}

/**
 * The coupon, if this user could use it when the order was placed; otherwise the reason. However late the order is
 * looked at, and whether the job has marked the coupon as EXPIRED meanwhile, makes no difference. Another user's coupon
 * counts as unknown.
 */
function isUsable(
  coupon: RedeemableCoupon | undefined,
  userId: number,
  placedAt: Date,
): RedeemableCoupon | RejectionReason {
  if (!coupon || coupon.userId !== userId) return 'COUPON_NOT_FOUND';
  switch (coupon.status) {
    case 'USED':
      return 'COUPON_ALREADY_USED';
    case 'REVOKED':
      return 'COUPON_REVOKED';
    case 'EXPIRED':
    case 'ISSUED':
      return isOver(coupon, new Date(placedAt.getTime() - CLOCKS_DIFFER_MS)) ? 'COUPON_EXPIRED' : coupon;
    default:
      return unreachable(coupon);
  }
}

/** Gives the order's coupon back, once. */
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
    case 'SPARED':
    case 'REJECTED':
    case 'VOID':
      return NOTHING;
    default:
      return unreachable(redemption);
  }
}

function unused({ orderId: _order, usedAt: _at, ...coupon }: UsedCoupon, now: Date): RedeemableCoupon {
  if (coupon.revokedAt) return { ...coupon, status: 'REVOKED' };
  return { ...coupon, status: isOver(coupon, now) ? 'EXPIRED' : 'ISSUED' };
}

/**
 * Revokes a coupon, once: an unused one can be used no more, not even by an order placed before it expired; a used one
 * stays with its order and is marked. A revoked one stays the very same object.
 */
export function revoke(coupon: RedeemableCoupon, at: Date): RedeemableCoupon {
  switch (coupon.status) {
    case 'ISSUED':
    case 'EXPIRED':
      return { ...coupon, status: 'REVOKED', revokedAt: at };
    case 'USED':
      return coupon.revokedAt ? coupon : { ...coupon, revokedAt: at };
    case 'REVOKED':
      return coupon;
    default:
      return unreachable(coupon);
  }
}

function isOver({ expiresAt }: Pick<RedeemableCoupon, 'expiresAt'>, at: Date): boolean {
  return expiresAt.getTime() <= at.getTime();
}

/** The event of a coupon that was used or spared, whatever became of it since. */
export function couponRedeemed(it: Omit<GrantedRedemption, 'status'>, at: Date): NewEvent {
  const { orderId, userId, couponId, totalAmount, discountAmount } = it;
  const amounts = { totalAmount, discountAmount, payableAmount: totalAmount - discountAmount };
  return { type: 'coupon-redeemed', data: { orderId, userId, couponId, ...amounts, redeemedAt: at.getTime() } };
}

/** The event of a coupon that could not be used. */
export function couponRejected({ orderId, userId, couponId, reason }: Omit<EmptyRedemption, 'status'>): NewEvent {
  return { type: 'coupon-rejected', data: { orderId, userId, couponId, reason } };
}
