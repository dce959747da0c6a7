import type { Outbox } from '@shop/events';
import { type DecidedBatch, decideBatch } from '../domain/batch.ts';
import type { Shipment, ShippedOrderEvent } from '../domain/shipment.ts';

/** Stores shipments. */
export interface ShipmentStore<Tx> {
  /**
   * Locks and reads the shipments of these orders (sorted), until the transaction ends. Rows that do not exist are
   * absent.
   */
  load(tx: Tx, orderIds: readonly string[]): Promise<Map<string, Shipment>>;
  /** Writes a batch's changes to the rows that `load` locked. */
  save(tx: Tx, changes: Pick<DecidedBatch, 'created' | 'changed'>, at: Date): Promise<void>;
}

interface Dependencies<Tx> {
  readonly store: ShipmentStore<Tx>;
  readonly outbox: Pick<Outbox<Tx>, 'append'>;
  readonly now: () => Date;
}

/** Requests and cancels the shipments of a whole batch of orders, in the caller's transaction. */
export function createShipOrders<Tx>({ store, outbox, now }: Dependencies<Tx>) {
  return async (tx: Tx, events: readonly ShippedOrderEvent[]): Promise<void> => {
    const orderIds = [...new Set(events.map((event) => event.data.orderId))].sort();
    const decided = decideBatch(await store.load(tx, orderIds), events);
    await store.save(tx, decided, now());
    if (decided.events.length > 0) await outbox.append(tx, decided.events);
  };
}
