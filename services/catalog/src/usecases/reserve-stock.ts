import type { Outbox } from '@shop/events';
import { buyersOf, decideBatch, keysOf } from '../domain/batch.ts';
import type { OrderEvent } from '../domain/reservation.ts';
import type { Limits } from '../domain/waiting.ts';
import { type Companions, lockWithCompanions } from './companions.ts';
import type { CatalogStore } from './ports.ts';

export interface ReserveStockDependencies<Tx> {
  readonly store: CatalogStore<Tx>;
  readonly companions: Companions;
  readonly outbox: Pick<Outbox<Tx>, 'append'>;
  readonly limits: Limits;
  readonly now: () => Date;
}

/**
 * Reserves, sells and restores stock for a whole batch of orders, and decides those that wait for it: load → decide →
 * save and append, in the caller's transaction.
 */
export function createReserveStock<Tx>({ store, companions, outbox, limits, now }: ReserveStockDependencies<Tx>) {
  return async (tx: Tx, events: readonly OrderEvent[]): Promise<void> => {
    const { orderIds, productIds } = keysOf(events);
    const stock = await lockWithCompanions(store, companions, tx, productIds);
    const known = await store.loadReservations(tx, orderIds, buyersOf(stock, events, limits));
    const decided = decideBatch({ ...stock, ...known }, events, { now: now(), limits });
    await store.save(tx, decided.changes);
    if (decided.events.length > 0) await outbox.append(tx, decided.events);
  };
}
