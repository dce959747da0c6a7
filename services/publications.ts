import type { PublishedRows } from '@shop/events';
import { catalogPublished } from './catalog/src/db/published-rows.ts';
import { couponPublished } from './coupon/src/db/published-rows.ts';
import { orderPublished } from './order/src/db/published-rows.ts';
import { paymentPublished } from './payment/src/db/published-rows.ts';
import type { ServiceName } from './services.ts';

/** What follows from the rows of a publishing service. */
export interface Publication extends PublishedRows {
  readonly service: ServiceName;
}

/** Every event that can be derived again from its publisher's rows, by the publisher's own code. */
export const PUBLICATIONS: readonly Publication[] = [
  ...of('order', orderPublished),
  ...of('catalog', catalogPublished),
  ...of('payment', paymentPublished),
  ...of('coupon', couponPublished),
];

function of(service: ServiceName, published: readonly PublishedRows[]): Publication[] {
  return published.map((rows) => ({ service, ...rows }));
}
