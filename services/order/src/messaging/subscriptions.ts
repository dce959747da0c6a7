import type { ReceivedEvent, Subscription } from '@shop/events';
import { SAGA_EVENTS, type SagaEventType } from '../domain/decide.ts';
import { DELIVERED_EVENTS, type DeliveredEventType } from '../usecases/deliver-orders.ts';

/** The order service consumes the events of catalog, coupon and payment about orders. */
export function orderSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<SagaEventType>[]) => Promise<void>,
): Subscription<Tx, SagaEventType> {
  return { group: 'order', handles: SAGA_EVENTS, handle };
}

/** The events of the data platform. No client waits for them: the group is patient, so that it costs orders little. */
export function dataPlatformSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<DeliveredEventType>[]) => Promise<void>,
): Subscription<Tx, DeliveredEventType> {
  return { group: 'data-platform', handles: DELIVERED_EVENTS, patienceMs: 500, maxBatch: 300, handle };
}
