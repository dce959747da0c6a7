import type { EventType } from '@shop/events';
import { shippingSubscription } from '../../examples/shipping/src/messaging/subscriptions.ts';
import { catalogSubscription } from '../../services/catalog/src/messaging/subscriptions.ts';
import { couponSubscription, issueSubscription } from '../../services/coupon/src/messaging/subscriptions.ts';
import { dataPlatformSubscription, orderSubscription } from '../../services/order/src/messaging/subscriptions.ts';
import { paymentSubscription } from '../../services/payment/src/messaging/subscriptions.ts';
import { rankingSubscription } from '../../services/ranking/src/messaging/subscriptions.ts';

/** A consumer group, and what it hears. */
export interface Group {
  readonly name: string;
  readonly service: string;
  readonly handles: readonly EventType[];
  readonly summary: string;
}

// Only what they say of themselves is read: nothing is handled here.
const nothing = {} as never;

/** Every consumer group of the shop, as the services' own subscriptions say. */
export const GROUPS: readonly Group[] = [
  group('order', orderSubscription(nothing), 'Drives each order on, to its end.'),
  group('order', dataPlatformSubscription(nothing), 'Delivers ended orders to the data platform.'),
  group('catalog', catalogSubscription(nothing), 'Reserves stock, sells it, or takes it back.'),
  group('payment', paymentSubscription(nothing), 'Takes points, or gives them back.'),
  group('coupon', couponSubscription(nothing), 'Uses the coupons of orders, or gives them back.'),
  group('coupon', issueSubscription(nothing), 'Issues coupons that were asked for over the log.'),
  group('ranking', rankingSubscription(nothing), 'Counts what is sold.'),
  group('shipping', shippingSubscription(nothing), 'Has parcels sent (an example).'),
];

function group(
  service: string,
  { group: name, handles }: { readonly group: string; readonly handles: readonly EventType[] },
  summary: string,
): Group {
  return { name, service, handles, summary };
}
