import type { Outbox } from '@shop/events';
import { type Changes, decideBatch, keysOf, type Snapshot } from '../domain/batch.ts';
import type { OrderEvent } from '../domain/reservation.ts';

/** Stores reservations and stock: MySQL in production, memory in the simulation. */
export interface CatalogStore<Tx> {
  /**
   * Locks and reads, until the transaction ends: the reservations of `orderIds`, then the products of `productIds` and
   * of the lines of the found reservations. Rows that do not exist are absent. Both lists are sorted.
   */
  load(
    tx: Tx,
    keys: { readonly orderIds: readonly string[]; readonly productIds: readonly number[] },
  ): Promise<Snapshot>;
  /** Writes a batch's changes to the rows that `load` locked. */
  save(tx: Tx, changes: Changes): Promise<void>;
}

interface Dependencies<Tx> {
  readonly store: CatalogStore<Tx>;
  readonly outbox: Pick<Outbox<Tx>, 'append'>;
  readonly now: () => Date;
}

/**
 * Reserves, sells and restores stock for a whole batch of orders: load → decide → save and append, in the caller's
 * transaction.
 */
export function createReserveStock<Tx>({ store, outbox, now }: Dependencies<Tx>) {
  return async (tx: Tx, events: readonly OrderEvent[]): Promise<void> => {
    const snapshot = await store.load(tx, keysOf(events));
    const decided = decideBatch(snapshot, events, now());
    await store.save(tx, decided.changes);
    if (decided.events.length > 0) await outbox.append(tx, decided.events);
  };
}
