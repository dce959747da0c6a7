import { causedBy, type NewEvent } from '@shop/events';
import { decide, type Shipment, type ShippedOrderEvent } from './shipment.ts';

/** The rows a batch writes, each once, and the events it publishes. */
export interface DecidedBatch {
  /** Shipments without a row before. */
  readonly created: readonly Shipment[];
  /** Shipments with a row before: their status changed. */
  readonly changed: readonly Shipment[];
  readonly events: readonly NewEvent[];
}

/** Decides a batch, one event after the other, each on the state left by those before. */
export function decideBatch(before: ReadonlyMap<string, Shipment>, events: readonly ShippedOrderEvent[]): DecidedBatch {
  const shipments = new Map(before);
  const said: NewEvent[] = [];
  for (const event of events) {
    const decided = decide(shipments.get(event.data.orderId), event);
    if (decided.shipment) shipments.set(event.data.orderId, decided.shipment);
    said.push(...decided.events.map((next) => ({ ...next, cause: causedBy(event) })));
  }
  const written = [...shipments.values()].filter((it) => before.get(it.orderId) !== it);
  return {
    created: written.filter((it) => !before.has(it.orderId)),
    changed: written.filter((it) => before.has(it.orderId)),
    events: said,
  };
}
