import { causedBy, type ReceivedEvent } from '@shop/events';
import { inCausalOrder } from '../domain/batch.ts';
import type { SagaEventType } from '../domain/decide.ts';
import { applyDecisions } from './apply-decisions.ts';
import type { OrderDeps } from './ports.ts';

type SagaEvent = ReceivedEvent<SagaEventType>;

/**
 * Applies a batch of events of catalog, coupon and payment, in one transaction. An event for an unknown order rejects
 * the batch: the consumer isolates and dead-letters it, and an operator decides. It is never dropped. `takesTimes`:
 * each is decided at the event's own time. `leftOut`: only in a recovery whose operator accepts gaps; events of unknown
 * orders are left out and handed to it, since the order-created may be gone with the beginning of its topic.
 */
export function createAdvanceOrders<Tx>(
  deps: OrderDeps<Tx> & { readonly takesTimes?: boolean; readonly leftOut?: (events: readonly SagaEvent[]) => void },
) {
  return async (tx: Tx, events: readonly SagaEvent[]): Promise<void> => {
    const orderIds = [...new Set(events.map((event) => event.data.orderId))];
    const locked = await deps.store.load(tx, orderIds);
    const unknown = deps.leftOut ? events.filter((event) => !locked.has(event.data.orderId)) : [];
    if (unknown.length > 0) deps.leftOut?.(unknown);
    const known = events.filter((event) => !unknown.includes(event));
    const inputs = inCausalOrder(known).map((event) => ({
      orderId: event.data.orderId,
      input: event,
      eventId: event.id,
      cause: causedBy(event),
      ...(deps.takesTimes ? { at: event.time } : {}),
    }));
    await applyDecisions(deps, tx, locked, inputs);
  };
}
