import { deriveEventId, EVENTS, type EventType, isEventType, REPUBLISHED } from '@shop/events';
import type { Suspect } from './check.ts';
import { isLater, overtakenBy } from './implied-events.ts';
import type { LogRecord } from './log.ts';
import { isOrderEvent, type TypeSet, typeSet, typesIn } from './type-set.ts';

/** The events on the topics, order by order, and their faults that show without the rows. */
export interface EventTally {
  add(record: LogRecord): void;
  /** Returns the event types of an order and removes them; orders not taken stay in `orderIds()`. */
  take(orderId: string): TypeSet;
  /** Orders whose events were not taken yet. */
  orderIds(): string[];
  /** Event ids of a type that comes from requests; the caller removes those that have a row. */
  requestIds(type: EventType): Set<string>;
  /** Events of orders whose id is not the derived one. */
  readonly wrongIds: Suspect[];
  /**
   * Events of orders that stand behind a later one of the same partition. Partitions have no order among them: after
   * partitions were added, an order's later events lie in another one. An event that was sent anew from its publisher's
   * rows stands behind whatever came meanwhile, and says so.
   */
  readonly outOfOrder: Suspect[];
  /** Records with a type of the catalogue. */
  readonly events: number;
}

// One function: adding a record changes all of the counts, and nothing else may see them.
export function createEventTally(): EventTally {
  const orders = new Map<string, TypeSet>();
  const requests = new Map<EventType, Set<string>>();
  const wrongIds: Suspect[] = [];
  const outOfOrder: Suspect[] = [];
  /** Type that may stand behind others → order → its partition. */
  const partitions = new Map<EventType, Map<string, number>>();
  let events = 0;

  function overtakenIn({ key, partition }: LogRecord, type: EventType, seen: TypeSet): EventType[] {
    return typesIn(overtakenBy(type, seen)).filter((later) => partitions.get(later)?.get(key ?? '') === partition);
  }

  function addOrderEvent(record: LogRecord, type: EventType): void {
    const key = record.key ?? '';
    const seen = orders.get(key) ?? 0;
    const bit = typeSet(type);
    if (record.id !== deriveEventId(key, type)) {
      wrongIds.push({
        id: `${record.topic}/${record.partition}@${record.offset}`,
        detail: `${type} of order ${key} has the id ${record.id}`,
      });
    }
    if ((seen & bit) !== 0) return;
    const overtaken = overtakenIn(record, type, seen);
    if (overtaken.length > 0 && record.headers[REPUBLISHED] === undefined) {
      const position = `${record.topic}/${record.partition}@${record.offset}`;
      outOfOrder.push({ id: key, detail: `${type} at ${position} comes after ${overtaken.join(', ')}` });
    }
    orders.set(key, seen | bit);
    if (!isLater(type)) return;
    const ofType = partitions.get(type) ?? new Map<string, number>();
    partitions.set(type, ofType.set(key, record.partition));
  }

  return {
    wrongIds,
    outOfOrder,
    get events() {
      return events;
    },
    add(record) {
      const { type } = record;
      if (type === undefined || !isEventType(type) || EVENTS[type].topic !== record.topic) return;
      events++;
      if (isOrderEvent(type)) addOrderEvent(record, type);
      else if (record.id !== undefined) this.requestIds(type).add(record.id);
    },
    take(orderId) {
      const seen = orders.get(orderId) ?? 0;
      orders.delete(orderId);
      return seen;
    },
    orderIds: () => [...orders.keys()],
    requestIds(type) {
      const ids = requests.get(type) ?? new Set<string>();
      requests.set(type, ids);
      return ids;
    },
  };
}
