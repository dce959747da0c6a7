import { deriveEventId } from '@shop/events';
import { build } from 'hdr-histogram-js';
import type { SqlReader } from '../../ops/src/sql.ts';
import { createLatency, type Latency } from './latency.ts';

/** How quickly the ranking counted completed orders. */
export interface Counting {
  /** Orders completed in the span. */
  readonly orders: number;
  /** The part that the ranking has counted. */
  readonly counted: number;
  /** Time from completed_at to the ranking's inbox row. */
  readonly lag: Latency;
  /** Times of the first and the last counted order, ms since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

const GROUP = 'ranking';

/** @param from @param to a span of completed_at, ms since the epoch */
export async function readCounting(sql: SqlReader, from: number, to: number): Promise<Counting> {
  const span = [new Date(from), new Date(to)];
  const orders = await sql.query<{ id: string; at: Date }>(
    `SELECT order_id AS id, completed_at AS at FROM shop_order.orders WHERE completed_at >= ? AND completed_at < ?`,
    span,
  );
  // No order is counted before it is complete, so older inbox rows are not needed.
  const inbox = await sql.query<{ id: string; at: Date }>(
    'SELECT event_id AS id, processed_at AS at FROM shop_ranking.processed_event WHERE consumer_group = ? AND processed_at >= ?',
    [GROUP, new Date(from)],
  );
  return compareTimes(orders, new Map(inbox.map(({ id, at }) => [id, at.getTime()])));
}

/** @param inbox event id → when the ranking applied it, ms */
export function compareTimes(
  orders: readonly { readonly id: string; readonly at: Date }[],
  inbox: ReadonlyMap<string, number>,
): Counting {
  const lag = createLatency(build);
  let counted = 0;
  let firstAt = Number.POSITIVE_INFINITY;
  let lastAt = 0;
  for (const { id, at } of orders) {
    const countedAt = inbox.get(deriveEventId(id, 'order-completed'));
    if (countedAt === undefined) continue;
    counted++;
    lag.record(countedAt - at.getTime());
    firstAt = Math.min(firstAt, countedAt);
    lastAt = Math.max(lastAt, countedAt);
  }
  return { orders: orders.length, counted, lag: lag.summary(), firstAt: counted > 0 ? firstAt : 0, lastAt };
}
