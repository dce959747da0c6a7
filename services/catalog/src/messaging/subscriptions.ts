import type { Transaction } from '@shop/chassis';
import type { Outbox, Subscription } from '@shop/events';
import type { Limits } from '../domain/waiting.ts';
import type { Companions } from '../usecases/companions.ts';
import type { CatalogStore } from '../usecases/ports.ts';
import { createReserveStock } from '../usecases/reserve-stock.ts';

interface Dependencies {
  readonly store: CatalogStore<Transaction>;
  readonly companions: Companions;
  readonly outbox: Outbox<Transaction>;
  readonly limits: Limits;
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
