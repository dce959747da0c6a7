import type { Transaction } from '@shop/chassis';
import type { Outbox, OwnFacts, Subscription } from '@shop/events';
import { PAYMENT_FACTS } from '../domain/facts.ts';
import { createApplyFacts, type FactStore } from '../usecases/apply-facts.ts';
import { createPayOrders, type PaymentStore } from '../usecases/pay-orders.ts';

interface Dependencies {
  readonly store: PaymentStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/**
 * What payment hears: stock is reserved, so the order is paid; or its coupon is redeemed too, where it names one; the
 * order is dead, so it is refunded.
 */
export function paymentSubscription(
  dependencies: Dependencies,
): Subscription<Transaction, 'stock-reserved' | 'coupon-redeemed' | 'order-cancelled'> {
  return {
    group: 'payment',
    handles: ['stock-reserved', 'coupon-redeemed', 'order-cancelled'],
    // With a coupon the amount is not known yet: it comes with the redemption.
    wants: (headers) => headers.ce_type !== 'stock-reserved' || headers.ce_couponid === undefined,
    handle: createPayOrders(dependencies),
  };
}

/** What payment has published, for a schema that was restored from a backup. */
export function paymentFacts(store: FactStore<Transaction>): OwnFacts<(typeof PAYMENT_FACTS)[number]> {
  return { group: 'payment', types: PAYMENT_FACTS, apply: createApplyFacts(store) };
}
