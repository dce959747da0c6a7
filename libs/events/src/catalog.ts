import type { EventDataByType } from './generated/types.ts';

/** The type of an event, e.g. `order-created`. Also its Avro schema's file name. */
export type EventType = keyof EventDataByType;

interface EventDefinition<T extends EventType> {
  readonly topic: string;
  /** Full name of the Avro record: also the registry subject, since a topic carries several types. */
  readonly record: string;
  /** The message key: what keeps one aggregate's events in order. */
  readonly key: (data: EventDataByType[T]) => string;
  /** `derived`: at most one an order, its id follows from (orderId, type). `request`: its id is `data.requestId`. */
  readonly id: 'derived' | 'request';
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
  },
  'stock-reserved': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.StockReserved',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'stock-rejected': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.StockRejected',
    key: (e) => e.orderId,
    id: 'derived',
  },
  'product-changed': {
    topic: 'catalog-events',
    record: 'shop.catalog.v1.ProductChanged',
    key: (e) => String(e.productId),
    id: 'request',
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
    id: 'request',
  },
};

/** Partitions of every topic. It stays: another count would move keys between partitions and break their order. */
export const PARTITIONS = 6;

/** Every topic of the catalogue, and its dead-letter mirror `<topic>.dlq`. */
export function allTopics(): string[] {
  const topics = [...new Set(Object.values(EVENTS).map((event) => event.topic))];
  return [...topics, ...topics.map((topic) => `${topic}.dlq`)];
}

/** True for a type this build knows. A message of another type is skipped: a newer producer may be rolling out. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(EVENTS, type);
}
