import type { NewEvent } from '@shop/events';
import type { Step } from './batch.ts';
import { detailsOf, mergeLines, type OrderDetails, type OrderLine, type PendingOrder } from './order.ts';
import { keyFields, type RequestKey } from './request.ts';

/** A validated request to buy. */
export interface Placement extends OrderDetails {
  /** UUIDv7, drawn by the caller. */
  readonly orderId: string;
  readonly userId: number;
  readonly lines: readonly OrderLine[];
  readonly traceparent: string | null;
}

/** The new order, the first step of its history, and order-created, which tells the key of its request too. */
export function place(
  placement: Placement,
  now: Date,
  key?: RequestKey,
): { order: PendingOrder; step: Step; event: NewEvent } {
  const { orderId, userId, traceparent } = placement;
  const details = detailsOf(placement);
  const lines = mergeLines(placement.lines);
  const order: PendingOrder = {
    orderId,
    userId,
    ...details,
    lines,
    traceparent,
    createdAt: now,
    updatedAt: now,
    version: 1,
    steps: ['order-created'],
    awaitsStock: false,
    status: 'PENDING',
    reservation: null,
    payment: null,
  };
  const data = { orderId, userId, ...details, lines, createdAt: now.getTime() };
  return {
    order,
    step: { orderId, seq: 1, eventId: null, type: 'order-created', data, at: now },
    event: {
      type: 'order-created',
      data: { ...data, ...keyFields(key) },
      ...(traceparent ? { cause: { traceparent } } : {}),
    },
  };
}
