import type { EventDataByType } from '@shop/events';
import { changed, NOTHING, runDecisions, type SagaTable } from '../../../test/support/saga-table.ts';
import type { Discount } from '../src/domain/discount.ts';
import type { Policy } from '../src/domain/policy.ts';
import {
  decide,
  type EmptyRedemption,
  type GrantedRedemption,
  type RedeemableCoupon,
  type SagaEvent,
  type UsedCoupon,
} from '../src/domain/redemption.ts';

/** Examples for the tests: user 7's coupon of 1,000 won, and an order of 3,000 won that names it. */
export const NOW = new Date('2026-01-10T00:00:00.000Z');
export const EXPIRES = new Date('2026-02-01T00:00:00.000Z');
export const ORDER_ID = orderIdOf(1);
export const COUPON_ID = couponIdOf(1);

/** A UUIDv7 of an order placed at `at`, the same for the same number. */
export function orderIdOf(n: number, at = NOW): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function couponIdOf(n: number): string {
  return `0199c0de-0000-7000-9000-${n.toString(16).padStart(12, '0')}`;
}

export function stockReserved(change: Partial<EventDataByType['stock-reserved']> = {}): SagaEvent {
  const data = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID, lines: [], totalAmount: 3_000, ...change };
  return { type: 'stock-reserved', data, topic: 'catalog-events', ...envelope(data.orderId, 'reserved') };
}

export function cancelled(change: Partial<EventDataByType['order-cancelled']> = {}): SagaEvent {
  const order = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID, lines: [] };
  const untold = { steps: null, requestId: null, idempotencyKey: null, requestHash: null };
  const data = { ...order, reason: 'ORDER_CANCELLED', wasCompleted: false, completedAt: null, ...untold, ...change };
  return { type: 'order-cancelled', data, topic: 'order-events', ...envelope(data.orderId, 'cancelled') };
}

function envelope(orderId: string, id: string) {
  const position = { partition: 0, offset: '0' };
  return { id: `${orderId}/${id}`, time: new Date(0), key: orderId, traceparent: '00-trace-span-01', ...position };
}

/** The value of a coupon of so many won. */
export function wonOff(amount: number): Discount {
  return { kind: 'amount', amount };
}

/** A policy of coupons of 1,000 won, open at any time. */
export function policyOf(change: Partial<Policy> = {}): Policy {
  const counts = { totalQuantity: 10, issuedCount: 0, validDays: 30 };
  return {
    couponPolicyId: 1,
    discount: wonOff(1_000),
    ...counts,
    startsAt: null,
    endsAt: null,
    endedAt: null,
    ...change,
  };
}

export const issued: RedeemableCoupon = {
  couponId: COUPON_ID,
  couponPolicyId: 1,
  userId: 7,
  discount: wonOff(1_000),
  issuedAt: new Date('2026-01-01T00:00:00.000Z'),
  expiresAt: EXPIRES,
  revokedAt: null,
  status: 'ISSUED',
};
export const used: UsedCoupon = { ...issued, status: 'USED', orderId: ORDER_ID, usedAt: NOW };
export const usedByAnother: UsedCoupon = { ...used, orderId: orderIdOf(99) };
export const expired: RedeemableCoupon = {
  ...issued,
  status: 'EXPIRED',
  expiresAt: new Date('2026-01-09T00:00:00.000Z'),
};
export const REVOKED_AT = new Date('2026-01-05T00:00:00.000Z');
export const revoked: RedeemableCoupon = { ...issued, status: 'REVOKED', revokedAt: REVOKED_AT };

const order = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID };

export const redeemed: GrantedRedemption = { ...order, status: 'REDEEMED', totalAmount: 3_000, discountAmount: 1_000 };
export const returned: GrantedRedemption = { ...redeemed, status: 'RETURNED' };
export const spared: GrantedRedemption = { ...redeemed, status: 'SPARED', totalAmount: 0, discountAmount: 0 };
export const rejected: EmptyRedemption = { ...order, status: 'REJECTED', reason: 'COUPON_ALREADY_USED' };
export const voided: EmptyRedemption = { ...order, status: 'VOID', reason: 'ORDER_CANCELLED' };

/** This service's answer in every state to every input, for the saga's page. */
export function sagaTable(): SagaTable {
  return runDecisions(
    {
      keeps: 'redemption',
      note: 'one redemption for each order that names a coupon',
      files: ['domain/redemption.ts', 'usecases/redeem-coupons.ts'],
    },
    {
      'no row yet': { redemption: undefined, coupon: issued },
      'no row yet, coupon used by another order': { redemption: undefined, coupon: usedByAnother },
      'no row yet, coupon expired': { redemption: undefined, coupon: expired },
      'no row yet, coupon revoked': { redemption: undefined, coupon: revoked },
      'no row yet, no such coupon': { redemption: undefined, coupon: undefined },
      REDEEMED: { redemption: redeemed, coupon: used },
      RETURNED: { redemption: returned, coupon: issued },
      SPARED: { redemption: spared, coupon: issued },
      REJECTED: { redemption: rejected, coupon: usedByAnother },
      VOID: { redemption: voided, coupon: issued },
    },
    {
      'stock-reserved, with a coupon': stockReserved(),
      'stock-reserved, without': stockReserved({ couponId: null }),
      'order-cancelled': cancelled(),
    },
    (state, event) => {
      const decided = decide(state, event, NOW);
      return decided.redemption ? changed(decided.redemption.status, decided.events) : NOTHING;
    },
  );
}
