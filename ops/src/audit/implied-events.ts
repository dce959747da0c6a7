import type { EventType } from '@shop/events';
import { PARTICIPANTS, type Part } from './participants.ts';
import { type TypeSet, typeSet } from './type-set.ts';

/**
 * Types that may not stand before an event of this type in its order's run on the topic. An event is appended while its
 * order (reservation, payment) is locked, so the order of the log is the order of the commits.
 */
const COMES_BEFORE = new Map<EventType, TypeSet>();
const RUNS: readonly (readonly EventType[])[] = [
  ['order-created', 'order-completed', 'order-cancelled'],
  ...PARTICIPANTS.flatMap(([, { implies }]) => Object.values(implies)),
];
const LATER: ReadonlySet<EventType> = new Set(RUNS.flatMap((run) => run.slice(1)));
for (const run of RUNS) {
  for (const [index, type] of run.entries()) {
    COMES_BEFORE.set(type, (COMES_BEFORE.get(type) ?? 0) | typeSet(...run.slice(index + 1)));
  }
}

/** Whether another type of the same topic comes before this one. */
export function isLater(type: EventType): boolean {
  return LATER.has(type);
}

/** Types seen on the same topic that should have come after this one; 0 when there are none. */
export function overtakenBy(type: EventType, seen: TypeSet): TypeSet {
  return seen & (COMES_BEFORE.get(type) ?? 0);
}

/** The status of each of an order's rows; null where there is none. */
export interface OrderRows extends Readonly<Partial<Record<Part, string | null>>> {
  readonly orderId: string;
  readonly order: string | null;
  /** Whether it ever completed. */
  readonly completed: boolean;
}

/** The events that an order's rows imply: every state was reached by publishing an event. */
export function impliedEvents(rows: OrderRows): TypeSet {
  return PARTICIPANTS.reduce(
    (set, [part, { implies }]) => set | typeSet(...(implies[rows[part] ?? ''] ?? [])),
    ofOrder(rows),
  );
}

function ofOrder({ order, completed }: OrderRows): TypeSet {
  if (order === null) return 0;
  return (
    typeSet('order-created') |
    (completed || order === 'COMPLETED' ? typeSet('order-completed') : 0) |
    (order === 'CANCELLED' ? typeSet('order-cancelled') : 0)
  );
}

/** Event types that the rows imply and the topics lack, and types on the topics without a row. */
export function compare(rows: OrderRows, seen: TypeSet): { missing: TypeSet; extra: TypeSet } {
  const implied = impliedEvents(rows);
  return { missing: implied & ~seen, extra: seen & ~implied };
}
