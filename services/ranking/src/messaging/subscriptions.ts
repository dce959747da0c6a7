import type { Transaction } from '@shop/chassis';
import type { DescribedGroup, OwnFacts, RecoverySubscription, Subscription } from '@shop/events';
import { SALES_EVENTS, type SalesEventType, wantsSale } from '../domain/sales.ts';
import type { createApplySales } from '../usecases/apply-sales.ts';

/** Its groups, as the audit, the operators' commands and the documents know them. */
export const GROUPS: readonly DescribedGroup[] = [
  { subscription: rankingSubscription, summary: 'Counts what is sold.' },
];

const GROUP = 'ranking';

/** Ranking consumes completed and cancelled orders, and changes of products. */
export function rankingSubscription(
  handle: ReturnType<typeof createApplySales>,
): Subscription<Transaction, SalesEventType> {
  return {
    group: GROUP,
    handles: SALES_EVENTS,
    wants: wantsSale,
    // Patient: no client waits for a count, and a few hundred events are counted as quickly as one.
    patienceMs: 400,
    handle,
  };
}

/** Ranking publishes nothing: a schema restored from a backup only hears again what its inbox does not hold. */
export const rankingFacts: OwnFacts<never> = { group: GROUP, types: [], apply: async () => {} };

/** The subscription of a recovery. The days of sales stand in the events, so many are counted at once. */
export function rankingRecovery(handle: ReturnType<typeof createApplySales>): RecoverySubscription<SalesEventType> {
  return { ...rankingSubscription(handle), takesMany: true };
}
