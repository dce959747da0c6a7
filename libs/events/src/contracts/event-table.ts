import type { EventDataByType } from './generated/types.ts';

/** The type of an event, e.g. `order-created`. Also its Avro schema's file name. */
export type EventType = keyof EventDataByType;

interface EventDefinition<T extends EventType> {
  readonly topic: string;
  /** Full name of the Avro record: also the registry subject, since a topic carries several types. */
  readonly record: string;
  /** The message key, which keeps one aggregate's events in order. */
  readonly key: (data: EventDataByType[T]) => string;
  /** The event's id: `derived` from (orderId, type) when it happens at most once an order; else taken from the data. */
  readonly id: 'derived' | ((data: EventDataByType[T]) => string);
  /**
   * CloudEvents extension attributes, sent as headers `ce_<name>` where they have a value. A group can choose by them
   * without decoding (`Subscription.wants`). A name is small letters and digits.
   */
  readonly attributes?: (data: EventDataByType[T]) => Readonly<Record<string, string | null>>;
  /** The event compensates other events of its key: a recovery decides it before them. */
  readonly takesBack?: true;
}

/** Event → topic, record, key and id rule. The one table behind codec, outbox, topics and documents. */
export const EVENTS: { readonly [T in EventType]: EventDefinition<T> } = {
  'order-created': {
    topic: 'order-events',
    record: 'shop.order.v1.OrderCreated',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'order-completed': {
    topic: 'order-events',
    record: 'shop.order.v1.OrderCompleted',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'order-cancelled': {
    topic: 'order-events',
    record: 'shop.order.v1.OrderCancelled',
    key: (e) => e.orderId,
    id: 'derived',
    takesBack: true,
    // `wascompleted` is sent for both values: a message without it is older than the attribute.
    attributes: (e) => ({ couponid: e.couponId, wascompleted: String(e.wasCompleted) }),
  },
  'stock-reserved': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.StockReserved',
    key: (e) => e.orderId,
    id: 'derived',
    attributes: (e) => ({ couponid: e.couponId }),
  },
  'stock-rejected': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.StockRejected',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'stock-awaited': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.StockAwaited',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'product-changed': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.ProductChanged',
    key: (e) => String(e.productId),
    id: (e) => e.requestId,
  },
  'payment-completed': {
    topic: 'payment-events',
    record: 'shop.payment.v1.PaymentCompleted',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'payment-failed': {
    topic: 'payment-events',
    record: 'shop.payment.v1.PaymentFailed',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'payment-refunded': {
    topic: 'payment-events',
    record: 'shop.payment.v1.PaymentRefunded',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'points-charged': {
    topic: 'payment-events',
    record: 'shop.payment.v1.PointsCharged',
    key: (e) => String(e.userId),
    id: (e) => e.requestId,
  },
  'coupon-redeemed': {
    topic: 'coupon-events',
    record: 'shop.coupon.v1.CouponRedeemed',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'coupon-rejected': {
    topic: 'coupon-events',
    record: 'shop.coupon.v1.CouponRejected',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'coupon-policy-created': {
    topic: 'coupon-events',
    record: 'shop.coupon.v1.CouponPolicyCreated',
    key: (e) => String(e.couponPolicyId),
    id: (e) => e.requestId,
  },
  'coupon-policy-ended': {
    topic: 'coupon-events',
    record: 'shop.coupon.v1.CouponPolicyEnded',
    key: (e) => String(e.couponPolicyId),
    id: (e) => e.requestId,
  },
  'coupon-issued': {
    topic: 'coupon-events',
    record: 'shop.coupon.v1.CouponIssued',
    key: (e) => String(e.couponPolicyId),
    id: (e) => e.couponId,
  },
  'coupon-issue-requested': {
    topic: 'coupon-issue-requests',
    record: 'shop.coupon.v1.CouponIssueRequested',
    key: (e) => String(e.couponPolicyId),
    id: (e) => e.requestId,
  },
  'shipment-requested': {
    topic: 'shipping-events',
    record: 'shop.shipping.v1.ShipmentRequested',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'shipment-cancelled': {
    topic: 'shipping-events',
    record: 'shop.shipping.v1.ShipmentCancelled',
    key: (e) => e.orderId,
    id: 'derived',
  },
};

/** The service that publishes an event, as its record's name says: `shop.<service>.v1.<Record>`. */
export function publisherOf(type: EventType): string {
  return EVENTS[type].record.split('.')[1] ?? '';
}

/** Every topic of the catalogue, and its dead-letter mirror `<topic>.dlq`. */
export function allTopics(): string[] {
  const topics = [...new Set(Object.values(EVENTS).map((event) => event.topic))];
  return [...topics, ...topics.map((topic) => `${topic}.dlq`)];
}

/** True for a type this build knows. A message of another type is skipped: a newer producer may be rolling out. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENTS, type);
}
