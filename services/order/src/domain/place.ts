import type { NewEvent } from '@shop/events';
import type { Step } from './decide-batch.ts';
import { mergeLines, type OrderLine, type PendingOrder } from './order.ts';

/** A wish to buy, already validated. */
export interface Placement {
  /** UUIDv7, drawn by the caller. */
  readonly orderId: string;
  readonly userId: number;
  readonly lines: readonly OrderLine[];
  readonly expectedTotal: number | null;
  readonly traceparent: string | null;
}

/** The new order, the first step of its history, and order-created. */
export function place(placement: Placement, now: Date): { order: PendingOrder; step: Step; event: NewEvent } {
  const { orderId, userId, expectedTotal, traceparent } = placement;
  const lines = mergeLines(placement.lines);
  const order: PendingOrder = {
    orderId,
    userId,
    couponId: null,
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
  const data = { orderId, userId, couponId: null, lines, expectedTotal };
  return {
    order,
    step: { orderId, seq: 1, eventId: null, type: 'order-created', data, at: now },
    event: { type: 'order-created', data, ...(traceparent ? { cause: { traceparent } } : {}) },
  };
}
