import type { SqlExecutor } from '@shop/chassis';
import { MOST_COUNTED } from '../domain/backlog.ts';
import { ENOUGH, type Fate, standsStill } from '../domain/standstill.ts';
import type { BacklogRead } from '../usecases/backlog-watch.ts';

/** Number of orders that may be stuck for their own reasons, such as a dead letter, without the saga being late. */
const STRAGGLERS = 20;
/** Longest time from an order's creation to its commit, ms. Orders visible later than this are not counted. */
const COMMITTED_AFTER_MS = 1_000;
/** How far ahead of the present ended orders are counted, ms: longer than two readings are apart under load. */
const AHEAD_MS = 30_000;
/** An order that ends this shortly before its deadline, ms, may have been ended by it. */
const DEADLINE_MARGIN_MS = 2_000;

/** PENDING orders that the saga has to do with. One that waits for pieces is as old as the line before it is slow. */
const UNDERWAY = `FROM orders WHERE status = 'PENDING' AND awaits_stock = 0`;

/**
 * Reads only the index (status, created_at, awaits_stock): the PENDING orders, and those created since the oldest
 * of them. The number of orders that ended between two readings is found by counting the ended ones of one span of
 * creation time twice. The span has an end, ahead of the present: after the database's clock was set back, all that was
 * ordered in between lies in the future. What of that is in the span is in both counts.
 */
const READ = `
  SELECT
    (SELECT created_at FROM orders WHERE status = 'PENDING' ORDER BY created_at LIMIT 1) AS first,
    (SELECT created_at ${UNDERWAY} ORDER BY created_at LIMIT 1) AS firstUnderway,
    (SELECT created_at ${UNDERWAY} ORDER BY created_at LIMIT ?, 1) AS oldest,
    (SELECT COUNT(*) FROM (SELECT 1 ${UNDERWAY} LIMIT ${MOST_COUNTED}) AS few) AS pending,
    COALESCE(SUM(created_at <= ?), 0) AS ended,
    COALESCE(SUM(created_at >= ?), 0) AS endedOfNext
  FROM orders FORCE INDEX (orders_status)
  WHERE status IN ('COMPLETED', 'CANCELLED') AND created_at BETWEEN ? AND ?`;

/** Orders older than this many deadlines tell nothing of the saga now. */
const KNOWN_DEADLINES = 10;

/** A few rows at the end of the index (status, created_at) for each status. */
const NEWEST = `
  (SELECT 'pending' AS fate, created_at AS createdAt FROM orders FORCE INDEX (orders_status)
    WHERE status = 'PENDING' AND awaits_stock = 0 AND created_at BETWEEN ? AND ? ORDER BY created_at DESC LIMIT ${ENOUGH})
  UNION ALL
  (SELECT 'ended', created_at FROM orders FORCE INDEX (orders_status)
    WHERE status = 'COMPLETED' AND created_at BETWEEN ? AND ? ORDER BY created_at DESC LIMIT 1)
  UNION ALL
  (SELECT IF(reason = 'ORDER_DEADLINE_EXCEEDED', 'dead', 'ended'), created_at FROM orders FORCE INDEX (orders_status)
    WHERE status = 'CANCELLED' AND created_at BETWEEN ? AND ? AND (reason <> 'ORDER_CANCELLED' OR completed_at IS NOT NULL)
    ORDER BY created_at DESC LIMIT ${ENOUGH})
  ORDER BY createdAt DESC LIMIT ${ENOUGH}`;

interface Row {
  readonly first: Date | null;
  readonly firstUnderway: Date | null;
  readonly oldest: Date | null;
  readonly pending: number;
  readonly ended: number;
  readonly endedOfNext: number;
}

interface ReadBacklogOptions {
  readonly deadlineMs: number;
  /** Age from which a PENDING order is late, ms. */
  readonly lateMs: number;
  readonly now: () => Date | Promise<Date>;
  /** Number of oldest PENDING orders left out of `oldest`. */
  readonly stragglers?: number;
}

/**
 * Reads how many orders are PENDING, and how many have ended since the last reading. Orders ended only by their
 * deadline are left out: they are no sign that the saga works. The first reading counts none as ended.
 */
export function createReadBacklog(
  db: SqlExecutor,
  { deadlineMs, lateMs, now, stragglers = STRAGGLERS }: ReadBacklogOptions,
): () => Promise<BacklogRead> {
  /** Orders created from this time until `end` are counted; `endedBefore` of them had ended at the last reading. */
  let from: Date | undefined;
  let end = new Date(0);
  let endedBefore: number | undefined;
  let oldestBefore: Date | null = null;
  let newest: readonly Fate[] = [];
  let hadPending = true;

  /** Read only where it may have changed: not while orders end, and not while none is there that could. */
  async function readNewest(at: number, hasPending: boolean): Promise<readonly Fate[]> {
    if (!hasPending && !hadPending && !standsStill(newest)) return newest;
    const from = new Date(at - KNOWN_DEADLINES * deadlineMs);
    // Orders of a time to come were made before the clock was set back: they tell nothing of the saga now.
    const until = new Date(at + COMMITTED_AFTER_MS);
    const rows = await db.query<{ fate: Fate }>(NEWEST, [from, new Date(at - lateMs), from, until, from, until]);
    return rows.map(({ fate }) => fate);
  }

  return async () => {
    const at = (await now()).getTime();
    if (!from || from.getTime() > at) {
      // The first reading, or the first since the clock was set back: what was counted until now lies in the future.
      from = new Date(at - COMMITTED_AFTER_MS);
      end = new Date(at);
      endedBefore = undefined;
      oldestBefore = null;
    }
    const until = new Date(Math.max(end.getTime(), at));
    const endOfNext = new Date(Math.max(until.getTime(), at + AHEAD_MS));
    // The next reading counts from a later time: that of the oldest order that may still end, as far as is known.
    const unended = Math.min(at - COMMITTED_AFTER_MS, oldestBefore?.getTime() ?? at);
    const dead = at - deadlineMs + Math.min(DEADLINE_MARGIN_MS, deadlineMs / 2);
    const next = new Date(Math.max(from.getTime(), unended, dead));
    const [row] = await db.query<Row>(READ, [stragglers, until, next, from, endOfNext]);
    if (!row) throw new Error('a count gives a row');
    const { first, firstUnderway, oldest, pending, ended, endedOfNext } = row;
    const endedNow = endedBefore === undefined ? 0 : Math.max(0, ended - endedBefore);
    from = next;
    end = endOfNext;
    endedBefore = endedOfNext;
    oldestBefore = oldest;
    newest = endedNow > 0 ? [] : await readNewest(at, first !== null);
    hadPending = first !== null;
    return { first, firstUnderway, oldest, pending, ended: endedNow, newest };
  };
}
