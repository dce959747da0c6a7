import type { NewEvent } from '@shop/events';
import type { Step } from './batch.ts';
import { mergeLines, type OrderLine, type PendingOrder } from './order.ts';

/** A validated request to buy. */
export interface Placement {
  /** UUIDv7, drawn by the caller. */
  readonly orderId: string;
  readonly userId: number;
  /** The coupon that the client names; only the coupon service knows whether it is valid. */
  readonly couponId: string | null;
  readonly lines: readonly OrderLine[];
  /** The catalog's total in won that the client showed, before any discount; null when it showed none. */
  readonly expectedTotal: number | null;
  readonly traceparent: string | null;
}

/** The new order, the first step of its history, and order-created. */
export function place(placement: Placement, now: Date): { order: PendingOrder; step: Step; event: NewEvent } {
  const { orderId, userId, couponId, expectedTotal, traceparent } = placement;
  const lines = mergeLines(placement.lines);
  const order: PendingOrder = {
    orderId,
    userId,
    couponId,
    expectedTotal,
    lines,
    traceparent,
    createdAt: now,
    updatedAt: now,
    version: 1,
    status: 'PENDING',
    reservation: null,
    payment: null,
  };
  const data = { orderId, userId, couponId, lines, expectedTotal };
  return {
    order,
    step: { orderId, seq: 1, eventId: null, type: 'order-created', data, at: now },
    event: { type: 'order-created', data, ...(traceparent ? { cause: { traceparent } } : {}) },
  };
}
