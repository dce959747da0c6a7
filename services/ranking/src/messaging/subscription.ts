import type { Subscription } from '@shop/events';
import type { Transaction } from '@shop/service';
import { type SalesEventType, wantsSale } from '../domain/sales.ts';
import type { createHandler } from '../usecases/apply-sales.ts';

/** What ranking hears: orders that complete and those that are taken back, and what products are called. */
export function rankingSubscription(
  handle: ReturnType<typeof createHandler>,
): Subscription<Transaction, SalesEventType> {
  return {
    group: 'ranking',
    handles: ['order-completed', 'order-cancelled', 'product-changed'],
    wants: wantsSale,
    // Nobody waits for a count, and a few hundred events are counted as quickly as one.
    patienceMs: 400,
    handle,
  };
}
