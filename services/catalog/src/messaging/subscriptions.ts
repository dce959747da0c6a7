import type { Transaction } from '@shop/chassis';
import type { Outbox, Subscription } from '@shop/events';
import { type CatalogStore, createReserveStock } from '../usecases/reserve-stock.ts';

interface Dependencies {
  readonly store: CatalogStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/** The catalog consumes created orders (reserve stock), completed ones (sell it) and cancelled ones (give it back). */
export function catalogSubscription(
  dependencies: Dependencies,
): Subscription<Transaction, 'order-created' | 'order-completed' | 'order-cancelled'> {
  return {
    group: 'catalog',
    handles: ['order-created', 'order-completed', 'order-cancelled'],
    handle: createReserveStock(dependencies),
  };
}
