import type { Transaction } from '@shop/chassis';
import type { Outbox, Subscription } from '@shop/events';
import { type CatalogStore, createReserveStock } from '../usecases/reserve-stock.ts';

interface Dependencies {
  readonly store: CatalogStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/** What the catalog hears: an order wants stock, has been paid for, or is dead. */
export function catalogSubscription(
  dependencies: Dependencies,
): Subscription<Transaction, 'order-created' | 'order-completed' | 'order-cancelled'> {
  return {
    group: 'catalog',
    handles: ['order-created', 'order-completed', 'order-cancelled'],
    handle: createReserveStock(dependencies),
  };
}
