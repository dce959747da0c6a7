import { causedBy, type ReceivedEvent } from '@shop/events';
import type { SagaEventType } from '../domain/decide.ts';
import { applyDecisions } from './apply-decisions.ts';
import type { OrderDeps } from './ports.ts';

/**
 * Applies a batch of what catalog, coupon and payment said, in one transaction. An event for an order that is not here
 * rejects the batch: the consumer finds it, dead-letters it, and a person decides. It is never dropped.
 */
export function createAdvanceOrders<Tx>(deps: OrderDeps<Tx>) {
  return async (tx: Tx, events: readonly ReceivedEvent<SagaEventType>[]): Promise<void> => {
    const orderIds = [...new Set(events.map((event) => event.data.orderId))];
    const locked = await deps.store.load(tx, orderIds);
    const inputs = events.map((event) => ({
      orderId: event.data.orderId,
      input: event,
      eventId: event.id,
      cause: causedBy(event),
    }));
    await applyDecisions(deps, tx, locked, inputs);
  };
}
