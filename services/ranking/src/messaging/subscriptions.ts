import type { Transaction } from '@shop/chassis';
import type { Subscription } from '@shop/events';
import { SALES_EVENTS, type SalesEventType, wantsSale } from '../domain/sales.ts';
import type { createApplySales } from '../usecases/apply-sales.ts';

/** Ranking consumes completed and cancelled orders, and changes of products. */
export function rankingSubscription(
  handle: ReturnType<typeof createApplySales>,
): Subscription<Transaction, SalesEventType> {
  return {
    group: 'ranking',
    handles: SALES_EVENTS,
    wants: wantsSale,
    // Patient: no client waits for a count, and a few hundred events are counted as quickly as one.
    patienceMs: 400,
    handle,
  };
}
