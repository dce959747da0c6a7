import { EVENTS, type EventType } from '@shop/events';
import { RUNNING_TYPES } from '../running-events.ts';
import type { AuditScope } from './check.ts';
import { isOrderEvent, type TypeSet, typeSet } from './type-set.ts';

/** Since when the events of each topic are compared with rows. Topics lose their beginnings apart from each other. */
export interface EventScopes {
  /** The scope of the topic of this type. */
  of(type: EventType): AuditScope;
  /** The scope of that topic, among those of orders' events, which reaches back furthest. */
  readonly orders: AuditScope;
  /** The types of which the topics hold all that this order can have. */
  heldOf(orderId: string): TypeSet;
}

/** @param scopeOf the scope of a topic */
export function eventScopes(scopeOf: (topic: string) => AuditScope): EventScopes {
  const of = (type: EventType) => scopeOf(EVENTS[type].topic);
  const byTopic = [...Map.groupBy(RUNNING_TYPES.filter(isOrderEvent), (type) => EVENTS[type].topic)];
  const held = byTopic.map(([topic, types]) => ({ scope: scopeOf(topic), types: typeSet(...types) }));
  return {
    of,
    orders: held
      .map(({ scope }) => scope)
      .reduce((one, other) => (other.firstOrderId < one.firstOrderId ? other : one)),
    heldOf: (orderId) =>
      held.reduce((set, { scope, types }) => (orderId > scope.firstOrderId ? set | types : set), 0 as TypeSet),
  };
}
