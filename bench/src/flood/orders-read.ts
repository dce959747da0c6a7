import type { SqlReader } from '../../../ops/src/sql.ts';
import type { Latency } from '../latency.ts';
import { summarize } from './percentiles.ts';

/** The ends of a step's orders, from their rows. */
export interface StepOrders {
  /** Orders completed during the step, whenever placed. */
  readonly completedInStep: number;
  /** Orders placed during the step. */
  readonly placed: number;
  /** Placed orders that were accepted and then missed their deadline. */
  readonly missedDeadline: number;
  /** Other reasons of cancelled orders. */
  readonly cancelled: Readonly<Record<string, number>>;
  /** Time from placing to completion, of the orders placed in the step. */
  readonly toCompleted: Latency;
}

const DEADLINE = 'ORDER_DEADLINE_EXCEEDED';

/** @param from @param to times of the step, ms since the epoch */
export async function readStepOrders(sql: SqlReader, from: number, to: number): Promise<StepOrders> {
  const span = [new Date(from), new Date(to)];
  const [completed] = await sql.query<{ n: number }>(
    'SELECT COUNT(*) AS n FROM shop_order.orders WHERE completed_at >= ? AND completed_at < ?',
    span,
  );
  const states = await sql.query<{ status: string; reason: string | null; n: number }>(
    `SELECT status, reason, COUNT(*) AS n FROM shop_order.orders
     WHERE created_at >= ? AND created_at < ? GROUP BY status, reason`,
    span,
  );
  const cancelled = states
    .filter(({ status }) => status === 'CANCELLED')
    .map(({ reason, n }) => [reason ?? 'no reason', n] as const);
  return {
    completedInStep: completed?.n ?? 0,
    placed: states.reduce((sum, { n }) => sum + n, 0),
    missedDeadline: cancelled.find(([reason]) => reason === DEADLINE)?.[1] ?? 0,
    cancelled: Object.fromEntries(cancelled.filter(([reason]) => reason !== DEADLINE)),
    toCompleted: summarize((await readCompletions(sql, from, to)).flatMap(({ ms }) => (ms < 0 ? [] : [ms]))),
  };
}

/** When each order of a span was placed, and its time to completion, ms; -1 for an order that did not complete. */
export async function readCompletions(
  sql: SqlReader,
  from: number,
  to: number,
): Promise<{ readonly at: number; readonly ms: number }[]> {
  const rows = await sql.query<{ at: Date; ended: Date | null }>(
    `SELECT created_at AS at, CASE status WHEN 'COMPLETED' THEN completed_at END AS ended FROM shop_order.orders
     WHERE created_at >= ? AND created_at < ?`,
    [new Date(from), new Date(to)],
  );
  return rows.map(({ at, ended }) => ({ at: at.getTime(), ms: ended ? ended.getTime() - at.getTime() : -1 }));
}
