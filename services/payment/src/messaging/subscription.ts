import type { Outbox, Subscription } from '@shop/events';
import type { Transaction } from '@shop/service';
import { createHandler, type PaymentStore } from '../usecases/handle-payments.ts';

interface Dependencies {
  readonly store: PaymentStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/** What payment hears: stock is reserved, so the order is paid; the order is dead, so it is refunded. */
export function paymentSubscription(
  dependencies: Dependencies,
): Subscription<Transaction, 'stock-reserved' | 'order-cancelled'> {
  return {
    group: 'payment',
    handles: ['stock-reserved', 'order-cancelled'],
    handle: createHandler(dependencies),
  };
}
