import type { ReceivedEvent, Subscription } from '@shop/events';
import { SAGA_EVENTS, type SagaEventType } from '../domain/decide.ts';
import { DELIVERED_EVENTS, type DeliveredEventType } from '../usecases/deliver-orders.ts';

/** What the order service hears: everything that catalog, coupon and payment say of an order. */
export function orderSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<SagaEventType>[]) => Promise<void>,
): Subscription<Tx, SagaEventType> {
  return { group: 'order', handles: SAGA_EVENTS, handle };
}

/** What the data platform hears. Nobody waits for it: the group is patient, so that it costs orders little. */
export function dataPlatformSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<DeliveredEventType>[]) => Promise<void>,
): Subscription<Tx, DeliveredEventType> {
  return { group: 'data-platform', handles: DELIVERED_EVENTS, patienceMs: 500, maxBatch: 300, handle };
}
