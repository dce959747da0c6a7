import type { Subscription } from '@shop/events';
import type { Transaction } from '@shop/service';
import type { SalesEventType } from '../domain/sales.ts';
import type { createHandler } from '../usecases/apply-sales.ts';

/** What ranking hears: orders that complete and those that are taken back, and what products are called. */
export function rankingSubscription(
  handle: ReturnType<typeof createHandler>,
): Subscription<Transaction, SalesEventType> {
  return {
    group: 'ranking',
    handles: ['order-completed', 'order-cancelled', 'product-changed'],
    // An order that never completed has nothing to take back. A message without the attribute is older than that: wanted.
    wants: (headers) => headers.ce_type !== 'order-cancelled' || headers.ce_wascompleted !== 'false',
    // Nobody waits for a count, and a few hundred events are counted as quickly as one.
    patienceMs: 400,
    handle,
  };
}
