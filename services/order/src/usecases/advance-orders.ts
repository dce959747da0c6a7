import { causedBy, type ReceivedEvent } from '@shop/events';
import { inCausalOrder } from '../domain/batch.ts';
import type { SagaEventType } from '../domain/decide.ts';
import { applyDecisions } from './apply-decisions.ts';
import type { OrderDeps } from './ports.ts';

/**
 * Applies a batch of events of catalog, coupon and payment, in one transaction. An event for an unknown order rejects
 * the batch: the consumer isolates and dead-letters it, and an operator decides. It is never dropped. `takesTimes`:
 * each is decided at the event's own time.
 */
export function createAdvanceOrders<Tx>(deps: OrderDeps<Tx> & { readonly takesTimes?: boolean }) {
  return async (tx: Tx, events: readonly ReceivedEvent<SagaEventType>[]): Promise<void> => {
    const orderIds = [...new Set(events.map((event) => event.data.orderId))];
    const locked = await deps.store.load(tx, orderIds);
    const inputs = inCausalOrder(events).map((event) => ({
      orderId: event.data.orderId,
      input: event,
      eventId: event.id,
      cause: causedBy(event),
      ...(deps.takesTimes ? { at: event.time } : {}),
    }));
    await applyDecisions(deps, tx, locked, inputs);
  };
}
