import { EVENTS, type EventType, isEventType, publisherOf } from '@shop/events';
import { SERVICE_NAMES, type ServiceName } from '../../../services/services.ts';

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
  'shipment-requested': typeSet('shipment-cancelled'),
};

/** Types already seen on the same topic that this one should have come before; 0 when all is well. */
export function overtakenBy(type: EventType, seen: TypeSet): TypeSet {
  return seen & (COMES_BEFORE[type] ?? 0);
}

/** What a service keeps of an order, and the events that each status implies. */
interface Participant {
  readonly service: ServiceName;
  /** It has the columns `order_id` and `status`. */
  readonly table: string;
  readonly implies: (status: string | null) => TypeSet;
}

const ALL_PARTICIPANTS = {
  reservation: { service: 'catalog', table: 'reservations', implies: ofReservation },
  redemption: { service: 'coupon', table: 'redemptions', implies: ofRedemption },
  payment: { service: 'payment', table: 'payments', implies: ofPayment },
  shipment: { service: 'shipping', table: 'shipments', implies: ofShipment },
} as const satisfies Readonly<Record<string, Participant>>;

/** The name of an order's row in another schema than the order service's. */
export type Part = keyof typeof ALL_PARTICIPANTS;

/** Those of the services that run here. */
export const PARTICIPANTS = (Object.entries(ALL_PARTICIPANTS) as [Part, Participant][]).filter(([, { service }]) =>
  SERVICE_NAMES.includes(service),
);

/** The types that the services that run here publish: a stack may hold events of one that ran before. */
const KNOWN = typeSet(...TYPES.filter((type) => SERVICE_NAMES.some((name) => name === publisherOf(type))));

/** The status of each of an order's rows; null where there is none. */
export interface OrderRows extends Readonly<Partial<Record<Part, string | null>>> {
  readonly orderId: string;
  readonly order: string | null;
  /** Whether it ever completed. */
  readonly completed: boolean;
}

/** The events that an order's rows imply: every state was reached by publishing one. */
export function impliedEvents(rows: OrderRows): TypeSet {
  return PARTICIPANTS.reduce((set, [part, { implies }]) => set | implies(rows[part] ?? null), ofOrder(rows));
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

function ofShipment(status: string | null): TypeSet {
  switch (status) {
    case 'REQUESTED':
      return typeSet('shipment-requested');
    case 'CANCELLED':
      return typeSet('shipment-requested', 'shipment-cancelled');
    default:
      return 0;
  }
}

/** What the rows imply and the topics lack, and what the topics have without a row. */
export function compare(rows: OrderRows, seen: TypeSet): { missing: TypeSet; extra: TypeSet } {
  const implied = impliedEvents(rows);
  return { missing: implied & ~seen, extra: seen & KNOWN & ~implied };
}
