import { isEventType } from '@shop/events';
import { PUBLISHERS, schemaOf } from '../../../services/services.ts';
import { readSetAside, type SetAside } from '../outbox/read.ts';
import { asciiOnly, pages, type SqlReader } from '../sql.ts';
import type { Suspect } from './check.ts';
import type { EventScopes } from './event-scopes.ts';
import type { EventTally } from './event-tally.ts';
import { compare, type OrderRows } from './implied-events.ts';
import { PARTICIPANTS, type Part } from './participants.ts';
import { compareRequests, eventName, type MissingRequest } from './requests-and-events.ts';
import { type TypeSet, typeSet, typesIn } from './type-set.ts';

/** The comparison of rows with topics, before the topics' tail has been read. */
export interface Comparison {
  readonly orders: number;
  readonly requests: number;
  /** Events that rows imply and that were neither on a topic nor in an outbox. */
  readonly missing: readonly { readonly id: string; readonly types: TypeSet }[];
  readonly missingRequests: readonly MissingRequest[];
  /** Events on a topic without their row. */
  readonly extra: readonly Suspect[];
  /** Events that wait in an outbox. */
  readonly underway: number;
  /** Events that an operator set aside, so that they are on no topic. */
  readonly setAside: readonly SetAside[];
}

/**
 * Compares every row with the events read so far. `reader` must be one snapshot: an event missing from the topics is
 * then in its outbox of that moment, or was sent before it and is on the topics by now.
 */
export async function compareRows(reader: SqlReader, tally: EventTally, scopes: EventScopes): Promise<Comparison> {
  const outbox = await readOutboxes(reader);
  const setAside = await readSetAside(reader);
  for (const { key, type } of setAside) addTo(outbox.orders, key, type);
  const setAsideOf = Map.groupBy(setAside, ({ key }) => key);
  const onTopic = new Map<string, boolean>();
  const missing: { id: string; types: TypeSet }[] = [];
  const extra: Suspect[] = [];
  let orders = 0;

  /** @param held the types of which the topics hold all */
  const look = (rows: OrderRows, seen: TypeSet, held: TypeSet): void => {
    for (const { id, type } of setAsideOf.get(rows.orderId) ?? []) {
      if (!isEventType(type)) continue;
      const isSeen = (seen & typeSet(type)) !== 0;
      if (isSeen || (held & typeSet(type)) !== 0) onTopic.set(id, isSeen);
    }
    const difference = compare(rows, seen);
    const lost = difference.missing & held & ~(outbox.orders.get(rows.orderId) ?? 0);
    if (lost !== 0) missing.push({ id: rows.orderId, types: lost });
    if (difference.extra !== 0) {
      extra.push({
        id: rows.orderId,
        detail: `${typesIn(difference.extra).join(', ')} on the topic, but ${describe(rows)}`,
      });
    }
  };
  for await (const page of orderPages(reader, scopes.orders.firstOrderId)) {
    orders += page.length;
    for (const rows of page) look(rows, tally.take(rows.orderId), scopes.heldOf(rows.orderId));
  }
  // Remaining events belong to orders from before the scope, or to none: their other events may not have been read.
  for await (const page of ordersById(reader, tally.orderIds()))
    for (const rows of page) look(rows, tally.take(rows.orderId), 0);

  const requests = await compareRequests(
    reader,
    tally,
    scopes,
    new Set([...outbox.names, ...setAside.map(({ type, id }) => eventName(type, id))]),
  );
  return {
    ...{ orders, missing, underway: outbox.names.size, ...requests, extra: [...extra, ...requests.extra] },
    setAside: setAside.map((it) => ({ ...it, ...whereIs(onTopic.get(it.id)) })),
  };
}

const whereIs = (isOnTopic: boolean | undefined) => (isOnTopic === undefined ? {} : { isOnTopic });

async function readOutboxes(reader: SqlReader): Promise<{ orders: Map<string, TypeSet>; names: Set<string> }> {
  const rows = await reader.query<{ id: string; aggregateid: string; type: string }>(
    PUBLISHERS.map((name) => `SELECT id, aggregateid, type FROM ${schemaOf(name)}.outbox`).join(' UNION ALL '),
  );
  const orders = new Map<string, TypeSet>();
  for (const { aggregateid, type } of rows) addTo(orders, aggregateid, type);
  // The outbox also holds copies for dead-letter topics, which are not events.
  const events = rows.filter((row) => isEventType(row.type));
  return { orders, names: new Set(events.map(({ type, id }) => eventName(type, id))) };
}

function addTo(orders: Map<string, TypeSet>, key: string, type: string): void {
  if (isEventType(type)) orders.set(key, (orders.get(key) ?? 0) | typeSet(type));
}

const stateOf = ({ state }: (typeof PARTICIPANTS)[number][1], table: string) => state?.(table) ?? `${table}.status`;
const tableOf = ({ service, table }: (typeof PARTICIPANTS)[number][1]) => `${schemaOf(service)}.${table}`;

type Joined = Omit<OrderRows, 'completed'> & { readonly completed: number };
const unjoin = (row: Joined): OrderRows => ({ ...row, completed: row.completed === 1 });

async function* orderPages(reader: SqlReader, first: string): AsyncGenerator<OrderRows[]> {
  const rows = pages<Joined>(reader, first, {
    sql: `SELECT o.order_id AS orderId, o.status AS \`order\`, o.completed_at IS NOT NULL AS completed,
                 ${PARTICIPANTS.map(([part, of]) => `${stateOf(of, part)} AS ${part}`).join(', ')}
          FROM shop_order.orders o
          ${PARTICIPANTS.map(([part, of]) => `LEFT JOIN ${tableOf(of)} ${part} ON ${part}.order_id = o.order_id`).join('\n')}
          WHERE o.order_id > ? ORDER BY o.order_id LIMIT ?`,
    params: (after, limit) => [after, limit],
    key: (row) => row.orderId,
  });
  for await (const page of rows) yield page.map(unjoin);
}

async function* ordersById(reader: SqlReader, ids: readonly string[]): AsyncGenerator<OrderRows[]> {
  for (let i = 0; i < ids.length; i += 1_000) {
    const some = ids.slice(i, i + 1_000);
    const statuses = async (table: string, { completed = '0', state = 'status' } = {}) =>
      new Map(
        (
          await reader.query<{ order_id: string; status: string; completed: number }>(
            `SELECT order_id, ${state} AS status, ${completed} AS completed FROM ${table} t WHERE order_id IN (?)`,
            [asciiOnly(some)],
          )
        ).map((row) => [row.order_id, row]),
      );
    const orders = await statuses('shop_order.orders', { completed: 'completed_at IS NOT NULL' });
    const parts: (readonly [part: Part, rows: Awaited<ReturnType<typeof statuses>>])[] = [];
    for (const [part, of] of PARTICIPANTS) parts.push([part, await statuses(tableOf(of), { state: stateOf(of, 't') })]);
    yield some.map((orderId) => ({
      orderId,
      order: orders.get(orderId)?.status ?? null,
      completed: orders.get(orderId)?.completed === 1,
      ...Object.fromEntries(parts.map(([part, rows]) => [part, rows.get(orderId)?.status ?? null])),
    }));
  }
}

function describe(rows: OrderRows): string {
  const parts = PARTICIPANTS.map(([part]) => `its ${part} ${rows[part] ?? 'none'}`);
  return `the order is ${rows.order ?? 'unknown'}, ${parts.join(', ')}`;
}
