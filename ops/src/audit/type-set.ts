import { EVENTS, type EventType, isEventType } from '@shop/events';

/**
 * A set of event types, one bit a type. An order has at most one event of each type, so this is all that is kept of an
 * order.
 */
export type TypeSet = number;

const TYPES = Object.keys(EVENTS) as EventType[];
// The bits of a number hold 31 types without a sign.
if (TYPES.length > 31) throw new Error(`${TYPES.length} types of events do not fit into a TypeSet`);
const BITS = Object.fromEntries(TYPES.map((type, index) => [type, 1 << index])) as Record<EventType, number>;

export function typeSet(...types: EventType[]): TypeSet {
  return types.reduce((set, type) => set | BITS[type], 0);
}

export function typesIn(set: TypeSet): EventType[] {
  return TYPES.filter((type) => (set & BITS[type]) !== 0);
}

/** True for a type of which an order has at most one event. */
export function isOrderEvent(type: string): type is EventType {
  return isEventType(type) && EVENTS[type].id === 'derived';
}
