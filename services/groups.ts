import type { EventType, Headers } from '@shop/events';
import { shippingSubscription } from '../examples/shipping/src/messaging/subscriptions.ts';
import { catalogSubscription } from './catalog/src/messaging/subscriptions.ts';
import { couponSubscription, issueSubscription } from './coupon/src/messaging/subscriptions.ts';
import { dataPlatformSubscription, orderSubscription } from './order/src/messaging/subscriptions.ts';
import { paymentSubscription } from './payment/src/messaging/subscriptions.ts';
import { rankingSubscription } from './ranking/src/messaging/subscriptions.ts';
import type { ServiceName } from './services.ts';

/** A consumer group, the service whose inbox it fills, and the types it handles. */
export interface Group {
  readonly group: string;
  readonly service: ServiceName;
  readonly handles: readonly EventType[];
  /** Which of these the group wants, by headers; absent: all. */
  readonly wants?: (headers: Headers) => boolean;
  /** False for a group whose dead letters stand alone; absent: later messages of a key wait behind its dead letter. */
  readonly parks?: boolean;
  /** True for a group that runs only where a receiver is configured, and waits as long as the receiver is away. */
  readonly optional?: boolean;
  /** Its purpose. */
  readonly summary: string;
}

// Only the subscriptions' descriptions are read: no handler is called.
const nothing = {} as never;

/**
 * Every consumer group, from the services' own subscriptions; for the audit, the operators' commands and the documents.
 */
export const ALL_GROUPS: readonly Group[] = [
  group('order', orderSubscription(nothing), 'Drives each order on, to its end.'),
  group('catalog', catalogSubscription(nothing), 'Reserves stock, sells it, or takes it back.'),
  group('coupon', couponSubscription(nothing), 'Uses the coupons of orders, or gives them back.'),
  group('coupon', issueSubscription(nothing), 'Issues coupons that were asked for over the log.'),
  group('payment', paymentSubscription(nothing), 'Takes points, or gives them back.'),
  group('ranking', rankingSubscription(nothing), 'Counts what is sold.'),
  {
    ...group('order', dataPlatformSubscription(nothing), 'Delivers ended orders to the data platform.'),
    optional: true,
  },
  group(
    'shipping',
    shippingSubscription(nothing),
    'Has parcels sent (an example: it runs only after `npm start -- --with shipping`).',
  ),
];

function group(
  service: ServiceName,
  { group: name, handles, wants, parks }: Pick<Group, 'group' | 'handles' | 'wants' | 'parks'>,
  summary: string,
): Group {
  return { group: name, service, handles, summary, ...(wants && { wants }), ...(parks !== undefined && { parks }) };
}
