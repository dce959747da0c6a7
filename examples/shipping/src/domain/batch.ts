import { causedBy, type NewEvent } from '@shop/events';
import { decide, type Shipment, type ShippedOrderEvent } from './shipment.ts';

/** What a batch writes, every row once, and what it says. */
export interface DecidedBatch {
  /** Shipments that had no row. */
  readonly created: readonly Shipment[];
  /** Shipments that had one: their status changed. */
  readonly changed: readonly Shipment[];
  readonly events: readonly NewEvent[];
}

/** Decides a batch, one event after the other, each on what the ones before it left. */
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
