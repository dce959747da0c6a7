import { setTimeout as sleep } from 'node:timers/promises';
import type { Group } from '../../../services/groups.ts';
import { schemaOf } from '../../../services/services.ts';
import type { PlatformReader } from '../data-platform.ts';
import type { SqlReader } from '../sql.ts';
import { GROUPS, topicsOf } from './groups.ts';
import { type LogReader, lagIn, partitionName } from './log.ts';

export interface IdleOptions {
  readonly sql: SqlReader;
  readonly log: LogReader;
  /** If given, its deliveries are waited for. */
  readonly platform?: PlatformReader;
  /** Time limit, ms. Default 60,000. */
  readonly timeoutMs?: number;
  /** Pause between two looks, ms. Default 100. */
  readonly everyMs?: number;
  /** Number of orders that will stay PENDING, e.g. behind a dead letter. Default 0. */
  readonly pendingAllowed?: number;
}

/** The reasons why a system is not idle. */
export interface Activity {
  /** Orders that have not ended. */
  readonly pending: number;
  /** Events not relayed yet. */
  readonly outbox: number;
  /** Messages that each group has not reached; groups without any are left out. */
  readonly lag: Readonly<Record<string, number>>;
  /** Requested redrives, and keys that are about to be freed. */
  readonly redrives: number;
}

/**
 * Waits until the system is idle: no order PENDING, the outboxes empty, every group at the end of its topics, no
 * redrive requested. The caller waits for its own requests.
 *
 * The log is looked at before and after the rows. An event that was in neither must have moved from an outbox to the
 * log in between, and then the log's end has moved.
 * @throws after the time limit, naming the remaining activity
 */
export async function waitUntilIdle(options: IdleOptions): Promise<void> {
  const { platform, timeoutMs = 60_000, everyMs = 100, pendingAllowed = 0 } = options;
  const isDelivered = (await platform?.isThere()) ?? false;
  const groups = GROUPS.filter((group) => isDelivered || !group.optional);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const before = await readLog(options.log, groups);
    const rows = await readRows(options.sql);
    const isQuiet = rows.pending <= pendingAllowed && rows.outbox === 0 && rows.redrives === 0;
    if (isQuiet && isEmpty(before.lag)) {
      const after = await readLog(options.log, groups);
      if (isEmpty(after.lag) && after.end === before.end) return;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `the system is not idle after ${timeoutMs} ms: ${describeActivity({ ...rows, lag: before.lag })}`,
      );
    }
    await sleep(everyMs);
  }
}

/** Reads the present activity once. */
export async function readActivity(sql: SqlReader, log: LogReader): Promise<Activity> {
  return { ...(await readRows(sql)), lag: (await readLog(log, GROUPS)).lag };
}

export function describeActivity({ pending, outbox, lag, redrives }: Activity): string {
  const lags = Object.entries(lag).map(([group, count]) => `${group} has ${count} messages before it`);
  return [
    ...(pending > 0 ? [`${pending} orders PENDING`] : []),
    ...(outbox > 0 ? [`${outbox} events in the outboxes`] : []),
    ...lags,
    ...(redrives > 0 ? [`${redrives} redrives asked for`] : []),
  ].join(', ');
}

async function readRows(sql: SqlReader): Promise<Omit<Activity, 'lag'>> {
  const sum = (statement: (schema: string) => string) =>
    [...new Set(GROUPS.map((group) => schemaOf(group.service)))].map((schema) => `(${statement(schema)})`).join(' + ');
  const [row] = await sql.query<Omit<Activity, 'lag'>>(
    `SELECT (SELECT COUNT(*) FROM shop_order.orders WHERE status = 'PENDING') AS pending,
            ${sum((schema) => `SELECT COUNT(*) FROM ${schema}.outbox`)} AS outbox,
            ${sum((schema) => `SELECT COUNT(*) FROM ${schema}.dead_letter WHERE status = 'REDRIVE'`)}
          + ${sum(keysToFree)} AS redrives`,
  );
  return row ?? { pending: 0, outbox: 0, redrives: 0 };
}

/**
 * Counts parked keys whose dead letter was discarded: the redriver is about to apply their messages and to free them.
 */
function keysToFree(schema: string): string {
  return `SELECT COUNT(*) FROM ${schema}.parked_key p WHERE NOT EXISTS (SELECT 1 FROM ${schema}.dead_letter d
     WHERE d.consumer_group = p.consumer_group AND d.message_key = p.message_key AND d.status IN ('DEAD', 'REDRIVE'))`;
}

async function readLog(
  log: LogReader,
  groups: readonly Group[],
): Promise<{ lag: Record<string, number>; end: string }> {
  const held = await log.held([...new Set(groups.flatMap(topicsOf))]);
  const lag: Record<string, number> = {};
  for (const group of groups) {
    const topics = topicsOf(group);
    const committed = await log.committed(group.group, topics);
    const behind = held
      .filter((range) => topics.includes(range.topic))
      .reduce((sum, range) => sum + lagIn(range, committed.get(partitionName(range))), 0);
    if (behind > 0) lag[group.group] = behind;
  }
  return { lag, end: held.map((range) => range.to).join() };
}

function isEmpty(lag: Readonly<Record<string, number>>): boolean {
  return Object.keys(lag).length === 0;
}
