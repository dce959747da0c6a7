import type { Transaction } from '@shop/chassis';
import type { Outbox, Subscription } from '@shop/events';
import { createShipOrders, type ShipmentStore } from '../usecases/ship-orders.ts';

interface Dependencies {
  readonly store: ShipmentStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/** What shipping hears: an order is complete, so its parcel goes out; or it is taken back. */
export function shippingSubscription(
  dependencies: Dependencies,
): Subscription<Transaction, 'order-completed' | 'order-cancelled'> {
  return {
    group: 'shipping',
    handles: ['order-completed', 'order-cancelled'],
    // An order that never completed has no parcel.
    wants: (headers) => headers.ce_type !== 'order-cancelled' || headers.ce_wascompleted !== 'false',
    handle: createShipOrders(dependencies),
  };
}
