import { EVENTS, type EventType } from '@shop/events';
import { asciiOnly, pages, type SqlReader } from '../sql.ts';
import type { Suspect } from './check.ts';
import type { EventScopes } from './event-scopes.ts';
import type { EventTally } from './event-tally.ts';

/** A row whose event was neither on its topic nor in an outbox. */
export interface MissingRequest {
  readonly id: string;
  readonly type: EventType;
  readonly detail: string;
}

export interface RequestComparison {
  /** Number of rows compared. */
  readonly requests: number;
  readonly missingRequests: readonly MissingRequest[];
  /** Events on a topic without their row. */
  readonly extra: readonly Suspect[];
}

interface Requests {
  readonly type: EventType;
  readonly table: string;
  readonly where: string;
  readonly what: string;
  /** The column of the event's id. Default request_id. */
  readonly id?: string;
  /** Default created_at. */
  readonly at?: string;
  /** True when rows are removed after a while, so that an event without its row is no fault. */
  readonly purged?: boolean;
}

/** The tables of requests that publish events: one row, one event, whose id is in the row. */
const REQUESTS: readonly Requests[] = [
  {
    type: 'product-changed',
    table: 'shop_catalog.product_changes',
    where: '1 = 1',
    what: `CONCAT('product ', product_id, ' version ', version)`,
  },
  {
    type: 'points-charged',
    table: 'shop_payment.point_history',
    where: `type = 'CHARGE'`,
    what: `CONCAT('user ', user_id, ' charged ', amount)`,
  },
  {
    type: 'coupon-policy-created',
    table: 'shop_coupon.coupon_policies',
    where: '1 = 1',
    what: `CONCAT('policy ', coupon_policy_id)`,
  },
  {
    type: 'coupon-policy-ended',
    table: 'shop_coupon.coupon_policy_ends',
    where: '1 = 1',
    what: `CONCAT('end of policy ', coupon_policy_id, IF(revokes = 1, ', with its coupons', ''))`,
  },
  {
    type: 'coupon-issued',
    table: 'shop_coupon.coupons',
    where: '1 = 1',
    what: `CONCAT('coupon of policy ', coupon_policy_id, ' for user ', user_id)`,
    id: 'coupon_id',
    at: 'issued_at',
  },
  {
    type: 'coupon-issue-requested',
    table: 'shop_coupon.coupon_requests',
    where: '1 = 1',
    what: `CONCAT('user ', user_id, ' asked for policy ', coupon_policy_id)`,
    purged: true,
  },
];

/** Tells an event from all others: a coupon has the id of its request, so the two events have the same id. */
export function eventName(type: string, id: string): string {
  return `${type} ${id}`;
}

/** The types of events that are compared with rows by the id of a request. */
export function comparedTypes(): EventType[] {
  return REQUESTS.map(({ type }) => type);
}

/**
 * Compares the rows of requests with their events, by id.
 * @param excused names (`eventName`) of events that are on no topic, and need not be
 */
export async function compareRequests(
  reader: SqlReader,
  tally: EventTally,
  scopes: EventScopes,
  excused: ReadonlySet<string>,
): Promise<RequestComparison> {
  const missingRequests: MissingRequest[] = [];
  const extra: Suspect[] = [];
  let requests = 0;
  for (const { type, table, where, what, id: idColumn = 'request_id', at = 'created_at', purged } of REQUESTS) {
    const onTopic = tally.requestIds(type);
    const rows = pages<{ id: string; detail: string }>(reader, '', {
      sql: `SELECT ${idColumn} AS id, ${what} AS detail FROM ${table}
            WHERE ${where} AND ${at} >= ? AND ${idColumn} > ? ORDER BY ${idColumn} LIMIT ?`,
      params: (after, limit) => [scopes.of(type).since ?? new Date(0), after, limit],
      key: (row) => row.id,
    });
    for await (const page of rows) {
      requests += page.length;
      for (const { id, detail } of page)
        if (!onTopic.delete(id) && !excused.has(eventName(type, id))) missingRequests.push({ id, type, detail });
    }
    if (purged) continue;
    extra.push(
      ...(await withoutRow(reader, table, idColumn, [...onTopic])).map((id) => ({
        id,
        detail: `${type} on ${EVENTS[type].topic} without its row`,
      })),
    );
  }
  return { requests, missingRequests, extra };
}

async function withoutRow(reader: SqlReader, table: string, column: string, ids: readonly string[]): Promise<string[]> {
  const left = new Set(ids);
  for (let i = 0; i < ids.length; i += 1_000) {
    const some = asciiOnly(ids.slice(i, i + 1_000));
    const rows = await reader.query<{ id: string }>(`SELECT ${column} AS id FROM ${table} WHERE ${column} IN (?)`, [
      some,
    ]);
    for (const { id } of rows) left.delete(id);
  }
  return [...left];
}
