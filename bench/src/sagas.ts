import { build } from 'hdr-histogram-js';
import type { SqlReader } from '../../ops/src/sql.ts';
import { createLatency, type Latency } from './latency.ts';

/** The outcomes of a window's orders, from the order service's table. */
export interface SagaResult {
  readonly orders: number;
  /** Orders completed within the window, a second, whenever placed; fewer than offered means that a queue grew. */
  readonly confirmedPerSecond: number;
  readonly completed: number;
  /** Reasons of cancelled orders. */
  readonly cancelled: Readonly<Record<string, number>>;
  readonly pending: number;
  /** Time from created_at to completed_at, of completed orders. */
  readonly toCompleted: Latency;
  /** Time from the window's end to the end of the last order, ms; 0 when all had ended before. */
  readonly drainMs: number;
}

/** Completed orders of the window, a second, over the window and until the last of its orders had ended. */
export function confirmedRate({ completed, drainMs }: SagaResult, seconds: number): number {
  return completed / (seconds + drainMs / 1_000);
}

/** @param from @param to the window, ms since the epoch */
export async function readSagas(sql: SqlReader, from: number, to: number): Promise<SagaResult> {
  const window = [new Date(from), new Date(to)];
  const states = await sql.query<{ status: string; reason: string | null; n: number; latest: Date | null }>(
    `SELECT status, reason, COUNT(*) AS n, MAX(CASE status WHEN 'PENDING' THEN NULL ELSE updated_at END) AS latest FROM shop_order.orders
     WHERE created_at >= ? AND created_at < ? GROUP BY status, reason`,
    window,
  );
  const [confirmed] = await sql.query<{ n: number }>(
    'SELECT COUNT(*) AS n FROM shop_order.orders WHERE completed_at >= ? AND completed_at < ?',
    window,
  );
  const times = await sql.query<{ ms: number; n: number }>(
    `SELECT TIMESTAMPDIFF(MICROSECOND, created_at, completed_at) / 1000 AS ms, COUNT(*) AS n FROM shop_order.orders
     WHERE created_at >= ? AND created_at < ? AND status = 'COMPLETED' GROUP BY ms`,
    window,
  );
  const toCompleted = createLatency(build);
  for (const { ms, n } of times) toCompleted.record(ms, n);
  const count = (status: string) => states.filter((row) => row.status === status).reduce((sum, row) => sum + row.n, 0);
  const latest = Math.max(0, ...states.map((row) => row.latest?.getTime() ?? 0));
  return {
    orders: states.reduce((sum, row) => sum + row.n, 0),
    confirmedPerSecond: (confirmed?.n ?? 0) / ((to - from) / 1_000),
    completed: count('COMPLETED'),
    cancelled: Object.fromEntries(
      states.filter((row) => row.status === 'CANCELLED').map((row) => [row.reason ?? 'no reason', row.n]),
    ),
    pending: count('PENDING'),
    toCompleted: toCompleted.summary(),
    drainMs: Math.max(0, latest - to),
  };
}
