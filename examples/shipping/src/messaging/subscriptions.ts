import type { Transaction } from '@shop/chassis';
import type { DescribedGroup, Outbox, Subscription } from '@shop/events';
import { createShipOrders, type ShipmentStore } from '../usecases/ship-orders.ts';

/** Its groups, as the audit, the operators' commands and the documents know them. */
export const GROUPS: readonly DescribedGroup[] = [
  {
    subscription: shippingSubscription,
    summary: 'Has parcels sent (an example: it runs only after `npm start -- --with shipping`).',
  },
];

interface Dependencies {
  readonly store: ShipmentStore<Transaction>;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/** Shipping consumes completed orders (request a parcel) and cancelled ones (cancel it). */
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
