import type { SqlExecutor } from '@shop/chassis';
import type { BacklogRead } from '../usecases/backlog-watch.ts';

/** So many orders may be stuck for reasons of their own, such as a dead letter, without the saga being late. */
const STRAGGLERS = 20;
/** More than any backlog that is let grow: they need not be told apart. */
const MAX_COUNTED = 10_000;
/** An order is in the database at the latest so long after it was created, ms. Whatever comes later is not counted. */
const COMMITTED_AFTER_MS = 1_000;
/** An order that ends so shortly before its deadline, ms, may have been ended by it. */
const DEADLINE_MARGIN_MS = 2_000;

/**
 * Reads the index (status, created_at) only, and of it what is PENDING and what was created since the oldest of those.
 * The orders that ended between two readings are those of one stretch of time by their creation, counted twice.
 */
const READ = `
  SELECT
    (SELECT created_at FROM orders WHERE status = 'PENDING' ORDER BY created_at LIMIT 1) AS first,
    (SELECT created_at FROM orders WHERE status = 'PENDING' ORDER BY created_at LIMIT ?, 1) AS oldest,
    (SELECT COUNT(*) FROM (SELECT 1 FROM orders WHERE status = 'PENDING' LIMIT ${MAX_COUNTED}) AS few) AS pending,
    COUNT(*) AS ended,
    COALESCE(SUM(created_at >= ?), 0) AS endedOfNext
  FROM orders FORCE INDEX (orders_status)
  WHERE status IN ('COMPLETED', 'CANCELLED') AND created_at >= ?`;

interface Row {
  readonly first: Date | null;
  readonly oldest: Date | null;
  readonly pending: number;
  readonly ended: number;
  readonly endedOfNext: number;
}

interface ReadBacklogOptions {
  readonly deadlineMs: number;
  readonly now: () => Date;
  /** The oldest PENDING orders that are left out of `oldest`. */
  readonly stragglers?: number;
}

/**
 * Reads how many orders are PENDING, and how many have ended since the reading before. Orders whose deadline was all
 * that ended them are left out: they are no sign that the saga works. The first reading counts none as ended.
 */
export function createReadBacklog(
  db: SqlExecutor,
  { deadlineMs, now, stragglers = STRAGGLERS }: ReadBacklogOptions,
): () => Promise<BacklogRead> {
  /** Orders created from here on are counted, and how many of them had ended when last read. */
  let from = new Date(now().getTime() - COMMITTED_AFTER_MS);
  let endedBefore: number | undefined;
  let oldestBefore: Date | null = null;

  return async () => {
    const at = now().getTime();
    // The next reading begins to count later: at the oldest order that can still end, as far as is known.
    const unended = Math.min(at - COMMITTED_AFTER_MS, oldestBefore?.getTime() ?? at);
    const dead = at - deadlineMs + Math.min(DEADLINE_MARGIN_MS, deadlineMs / 2);
    const next = new Date(Math.max(from.getTime(), unended, dead));
    const [row] = await db.query<Row>(READ, [stragglers, next, from]);
    if (!row) throw new Error('a count gives a row');
    const { first, oldest, pending, ended, endedOfNext } = row;
    const endedNow = endedBefore === undefined ? 0 : Math.max(0, ended - endedBefore);
    from = next;
    endedBefore = endedOfNext;
    oldestBefore = oldest;
    return { first, oldest, pending, ended: endedNow };
  };
}
