import type { ReceivedEvent, Subscription } from '@shop/events';
import { SAGA_EVENTS, type SagaEventType } from '../domain/decide.ts';

/** What the order service hears: everything that catalog, coupon and payment say of an order. */
export function orderSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<SagaEventType>[]) => Promise<void>,
): Subscription<Tx, SagaEventType> {
  return { group: 'order', handles: SAGA_EVENTS, handle };
}
