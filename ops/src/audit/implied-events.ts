import { EVENTS, type EventType, isEventType } from '@shop/events';

/**
 * A set of event types, one bit a type: an order has at most one event of each, so this is all that is kept of an
 * order.
 */
export type TypeSet = number;

const TYPES = Object.keys(EVENTS) as EventType[];
// A number holds 31 bits without a sign.
if (TYPES.length > 31) throw new Error(`${TYPES.length} types of events do not fit into a TypeSet`);
const BITS = Object.fromEntries(TYPES.map((type, index) => [type, 1 << index])) as Record<EventType, number>;

export function typeSet(...types: EventType[]): TypeSet {
  return types.reduce((set, type) => set | BITS[type], 0);
}

export function typesIn(set: TypeSet): EventType[] {
  return TYPES.filter((type) => (set & BITS[type]) !== 0);
}

/** The types of events that an order has at most one of. */
export function isOrderEvent(type: string): type is EventType {
  return isEventType(type) && EVENTS[type].id === 'derived';
}

/**
 * What may not stand before an event of this type in its order's run on the topic. An event is appended while its order
 * (reservation, payment) is locked, so the order of the log is the order of the commits.
 */
const COMES_BEFORE: Partial<Record<EventType, TypeSet>> = {
  'order-created': typeSet('order-completed', 'order-cancelled'),
  'order-completed': typeSet('order-cancelled'),
  'payment-completed': typeSet('payment-refunded'),
};

/** Types already seen on the same topic that this one should have come before; 0 when all is well. */
export function overtakenBy(type: EventType, seen: TypeSet): TypeSet {
  return seen & (COMES_BEFORE[type] ?? 0);
}

/** The rows of one order in the four schemas; null where there is none. */
export interface OrderRows {
  readonly orderId: string;
  readonly order: string | null;
  /** Whether it ever completed. */
  readonly completed: boolean;
  readonly reservation: string | null;
  readonly redemption: string | null;
  readonly payment: string | null;
}

/** The events that an order's rows imply: every state was reached by publishing one. */
export function impliedEvents(rows: OrderRows): TypeSet {
  return ofOrder(rows) | ofReservation(rows.reservation) | ofRedemption(rows.redemption) | ofPayment(rows.payment);
}

function ofOrder({ order, completed }: OrderRows): TypeSet {
  if (order === null) return 0;
  return (
    typeSet('order-created') |
    (completed || order === 'COMPLETED' ? typeSet('order-completed') : 0) |
    (order === 'CANCELLED' ? typeSet('order-cancelled') : 0)
  );
}

function ofReservation(status: string | null): TypeSet {
  switch (status) {
    case 'ACTIVE':
    case 'SOLD':
    case 'RELEASED':
      return typeSet('stock-reserved');
    case 'REJECTED':
      return typeSet('stock-rejected');
    default:
      // VOID: cancelled before it was heard of.
      return 0;
  }
}

function ofRedemption(status: string | null): TypeSet {
  switch (status) {
    case 'REDEEMED':
    case 'RETURNED':
      return typeSet('coupon-redeemed');
    case 'REJECTED':
      return typeSet('coupon-rejected');
    default:
      return 0;
  }
}

function ofPayment(status: string | null): TypeSet {
  switch (status) {
    case 'COMPLETED':
      return typeSet('payment-completed');
    case 'REFUNDED':
      return typeSet('payment-completed', 'payment-refunded');
    case 'FAILED':
      return typeSet('payment-failed');
    default:
      return 0;
  }
}

/** What the rows imply and the topics lack, and what the topics have without a row. */
export function compare(rows: OrderRows, seen: TypeSet): { missing: TypeSet; extra: TypeSet } {
  const implied = impliedEvents(rows);
  return { missing: implied & ~seen, extra: seen & ~implied };
}
