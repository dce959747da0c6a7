import type { IncomingRecord } from '../broker.ts';
import { type Codec, renderHeaders } from '../codec/index.ts';
import { deriveEventId, EVENTS, type EventDataByType, type EventType, type NewEvent } from '../contracts/index.ts';

/** A made-up order id: a UUIDv7 with the given number in it. */
export function orderId(n: number): string {
  return `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`;
}

export function orderCreated(id: string): Extract<NewEvent, { type: 'order-created' }> {
  const untold = { createdAt: null, idempotencyKey: null, requestHash: null };
  const lines = [{ productId: 1, quantity: 2 }];
  const data = { orderId: id, userId: 1, couponId: null, lines, expectedTotal: null, ...untold };
  return { type: 'order-created', data };
}

export function orderCancelled(id: string): Extract<NewEvent, { type: 'order-cancelled' }> {
  const rest = {
    userId: 1,
    couponId: null,
    reason: 'ORDER_CANCELLED',
    wasCompleted: false,
    completedAt: null,
    lines: [],
    ...{ steps: null, requestId: null, idempotencyKey: null, requestHash: null },
  };
  return { type: 'order-cancelled', data: { orderId: id, ...rest } };
}

/** The event as a record on its topic, as the relay would have sent it. */
export function recordOf(codec: Codec, { type, data }: NewEvent, offset: number, partition = 0): IncomingRecord {
  const value = codec.encode(type, data as EventDataByType[EventType]);
  const key = keyOf(type, data as EventDataByType[EventType]);
  const headers = renderHeaders({ id: deriveEventId(key, type), type, time: new Date(0) }, 'test');
  return { topic: EVENTS[type].topic, partition, offset: String(offset), key, value, headers, timestamp: 0 };
}

function keyOf<T extends EventType>(type: T, data: EventDataByType[T]): string {
  return EVENTS[type].key(data);
}
