import type { Transaction } from '@shop/chassis';
import type { DescribedGroup, Outbox, OwnFacts, Subscription } from '@shop/events';
import { PAYMENT_FACTS } from '../domain/facts.ts';
import { createApplyFacts, type FactStore } from '../usecases/apply-facts.ts';
import { createPayOrders, type PaymentStore } from '../usecases/pay-orders.ts';

/** Its groups, as the audit, the operators' commands and the documents know them. */
export const GROUPS: readonly DescribedGroup[] = [
  { subscription: paymentSubscription, summary: 'Takes points, or gives them back.' },
];

interface Dependencies {
  readonly store: PaymentStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/**
 * Payment consumes stock-reserved (the order is paid; with a coupon only at coupon-redeemed) and order-cancelled (the
 * payment is refunded).
 */
export function paymentSubscription(
  dependencies: Dependencies,
): Subscription<Transaction, 'stock-reserved' | 'coupon-redeemed' | 'order-cancelled'> {
  return {
    group: 'payment',
    handles: ['stock-reserved', 'coupon-redeemed', 'order-cancelled'],
    // With a coupon the amount is not known yet: it comes with coupon-redeemed. The header is set in event-table.ts of
    // libs/events; what is decided does not rest on it, since `decide` looks at the event itself.
    wants: (headers) => headers.ce_type !== 'stock-reserved' || headers.ce_couponid === undefined,
    handle: createPayOrders(dependencies),
  };
}

/** The events payment has published, for a schema restored from a backup. */
export function paymentFacts(store: FactStore<Transaction>): OwnFacts<(typeof PAYMENT_FACTS)[number]> {
  return { group: 'payment', types: PAYMENT_FACTS, apply: createApplyFacts(store) };
}
