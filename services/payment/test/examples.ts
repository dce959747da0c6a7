import type { EventDataByType } from '@shop/events';
import { changed, NOTHING, runDecisions, type SagaTable } from '../../../test/support/saga-table.ts';
import { type CapturedPayment, decide, type EmptyPayment, type SagaEvent } from '../src/domain/payment.ts';

/** Examples for the tests of this folder. */
export const ORDER_ID = orderIdOf(1);
export const COUPON_ID = '0199c0de-0000-7000-8000-00000000c0c0';

/** A UUIDv7 of an order, the same for the same number. */
export function orderIdOf(n: number): string {
  return `0199c0de-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function stockReserved(change: Partial<EventDataByType['stock-reserved']> = {}): SagaEvent {
  const data = { orderId: ORDER_ID, userId: 7, couponId: null, lines: [], totalAmount: 3000, ...change };
  return { type: 'stock-reserved', data, topic: 'catalog-events', ...envelope(data.orderId, 'reserved') };
}

/** The order of `stockReserved`, with a coupon of 1,000 won. */
export function couponRedeemed(change: Partial<EventDataByType['coupon-redeemed']> = {}): SagaEvent {
  const amounts = { totalAmount: 3000, discountAmount: 1000, payableAmount: 2000, redeemedAt: null };
  const data = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID, ...amounts, ...change };
  return { type: 'coupon-redeemed', data, topic: 'coupon-events', ...envelope(data.orderId, 'redeemed') };
}

export function cancelled(change: Partial<EventDataByType['order-cancelled']> = {}): SagaEvent {
  const order = { orderId: ORDER_ID, userId: 7, couponId: null, lines: [] };
  const untold = { steps: null, requestId: null, idempotencyKey: null, requestHash: null };
  const data = { ...order, reason: 'ORDER_CANCELLED', wasCompleted: false, completedAt: null, ...untold, ...change };
  return { type: 'order-cancelled', data, topic: 'order-events', ...envelope(data.orderId, 'cancelled') };
}

function envelope(orderId: string, id: string) {
  const position = { partition: 0, offset: '0' };
  return { id: `${orderId}/${id}`, time: new Date(0), key: orderId, traceparent: '00-trace-span-01', ...position };
}

const order = { orderId: ORDER_ID, userId: 7 };

export const completed: CapturedPayment = { ...order, status: 'COMPLETED', paidAmount: 3000, discountAmount: 0 };
export const discounted: CapturedPayment = { ...completed, paidAmount: 2000, discountAmount: 1000 };
export const refunded: CapturedPayment = { ...completed, status: 'REFUNDED' };
export const failed: EmptyPayment = { ...order, status: 'FAILED', reason: 'INSUFFICIENT_BALANCE' };
export const voided: EmptyPayment = { ...order, status: 'VOID', reason: 'ORDER_CANCELLED' };

/** This service's answer in every state to every input, for the saga's page. */
export function sagaTable(): SagaTable {
  const enough = 10_000;
  return runDecisions(
    {
      keeps: 'payment',
      note: 'one payment for each order',
      files: ['domain/payment.ts', 'usecases/pay-orders.ts'],
    },
    {
      'no row yet': undefined,
      COMPLETED: completed,
      REFUNDED: refunded,
      FAILED: failed,
      VOID: voided,
    },
    {
      'stock-reserved, without a coupon': { event: stockReserved(), balance: enough },
      'the same, too few points': { event: stockReserved(), balance: 0 },
      'stock-reserved, with a coupon': {
        event: stockReserved({ couponId: COUPON_ID }),
        balance: enough,
      },
      'coupon-redeemed': { event: couponRedeemed(), balance: enough },
      'order-cancelled': { event: cancelled(), balance: enough },
    },
    (row, { event, balance }) => {
      const decided = decide({ payment: row, balance }, event);
      return decided.payment ? changed(decided.payment.status, decided.events) : NOTHING;
    },
  );
}
