import type { Transaction } from '@shop/chassis';
import type { Subscription } from '@shop/events';
import { SALES_EVENTS, type SalesEventType, wantsSale } from '../domain/sales.ts';
import type { createApplySales } from '../usecases/apply-sales.ts';

/** What ranking hears: orders that complete and those that are taken back, and what products are called. */
export function rankingSubscription(
  handle: ReturnType<typeof createApplySales>,
): Subscription<Transaction, SalesEventType> {
  return {
    group: 'ranking',
    handles: SALES_EVENTS,
    wants: wantsSale,
    // Nobody waits for a count, and a few hundred events are counted as quickly as one.
    patienceMs: 400,
    handle,
  };
}
