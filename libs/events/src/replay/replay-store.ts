import { type Database, placeholders, type SqlExecutor, type Transaction } from '@shop/chassis';
import type { RecordRange } from '../kafka/index.ts';
import type { Applied } from '../metrics.ts';
import { ReplayCancelledError } from './replay-apply.ts';

/** The part of the ranges that is replayed: everything, or these types, or one key. */
export interface ReplayFilters {
  readonly types: readonly string[] | null;
  readonly key: string | null;
}

/** A replay that is to be carried out, as its row says. */
export interface ReplayOrder {
  readonly id: number;
  /** REPLAY: into the live group. REBUILD: into a copy that is to replace it. */
  readonly kind: 'REPLAY' | 'REBUILD';
  readonly group: string;
  readonly filters: ReplayFilters;
  /** The rest of the ranges: each from the end of the last committed batch. */
  readonly ranges: readonly RecordRange[];
  readonly progress: ReplayProgress;
  /** Most messages a second. */
  readonly rate: number;
  /** The replay pauses while the group itself is further behind than this many messages. */
  readonly maxLag: number;
}

/** `topic/partition` → the next offset. */
export type ReplayProgress = Readonly<Record<string, string>>;

/** The counts of one batch. */
export interface ReplayCounts extends Applied {
  readonly skipped: number;
}

/** The oldest replay of these groups that is requested or running. */
export async function findReplay(database: Database, groups: readonly string[]): Promise<ReplayOrder | undefined> {
  const [row] = await database.query<ReplayRow>(
    `SELECT ${COLUMNS} FROM replay
      WHERE status IN ('REQUESTED', 'RUNNING') AND kind IN ('REPLAY', 'REBUILD') AND consumer_group IN (${placeholders(groups.length)})
      ORDER BY id LIMIT 1`,
    groups,
  );
  return row && toOrder(row);
}

/** Reads the present row. Rejects with ReplayCancelledError when the replay is no longer running. */
export async function readReplay(database: SqlExecutor, id: number): Promise<ReplayOrder> {
  const [row] = await database.query<ReplayRow>(`SELECT ${COLUMNS} FROM replay WHERE id = ? AND status = 'RUNNING'`, [
    id,
  ]);
  if (!row) throw new ReplayCancelledError(`replay ${id} was cancelled`);
  return toOrder(row);
}

/** Sets the ranges of a rebuild, unless it has some already: after a crash the first ranges stay. */
export async function setRanges(database: SqlExecutor, id: number, ranges: readonly RecordRange[]): Promise<void> {
  const stored = ranges.map(({ topic, partition, from, to }) => ({ topic, partition, from: `${from}`, to: `${to}` }));
  await database.execute(`UPDATE replay SET ranges = ? WHERE id = ? AND ranges = '[]' AND status = 'RUNNING'`, [
    JSON.stringify(stored),
    id,
  ]);
}

/** Resets a rebuild to its beginning: nothing is read yet. */
export async function resetReplay(tx: Transaction, id: number): Promise<void> {
  await tx.execute(
    `UPDATE replay SET ranges = '[]', progress = '{}', applied = 0, duplicate = 0, parked = 0, dead = 0, skipped = 0 WHERE id = ?`,
    [id],
  );
}

/**
 * Locks the replay's row until the transaction ends, so that a cancellation comes before or after it. Rejects with
 * ReplayCancelledError when it came before.
 */
export async function lockReplay(tx: Transaction, id: number): Promise<void> {
  const rows = await tx.query(`SELECT 1 FROM replay WHERE id = ? AND status = 'RUNNING' FOR UPDATE`, [id]);
  if (rows.length === 0) throw new ReplayCancelledError(`replay ${id} was cancelled`);
}

/** Whether the replay has not ended yet. */
export async function isOpen(database: SqlExecutor, id: number): Promise<boolean> {
  return (
    (await database.query(`SELECT 1 FROM replay WHERE id = ? AND status IN ('REQUESTED', 'RUNNING')`, [id])).length > 0
  );
}

/** @returns false when it was cancelled meanwhile */
export async function startReplay(database: SqlExecutor, id: number, now: Date): Promise<boolean> {
  const { affectedRows } = await database.execute(
    `UPDATE replay SET status = 'RUNNING', started_at = COALESCE(started_at, ?), updated_at = ?
      WHERE id = ? AND status IN ('REQUESTED', 'RUNNING')`,
    [now, now, id],
  );
  return affectedRows > 0;
}

/** Whether the replay is still running, i.e. was not cancelled. */
export async function isRunning(database: SqlExecutor, id: number): Promise<boolean> {
  return (await database.query(`SELECT 1 FROM replay WHERE id = ? AND status = 'RUNNING'`, [id])).length > 0;
}

/**
 * Notes a batch in the batch's own transaction. Rejects with ReplayCancelledError when the row says so, which rolls the
 * batch back.
 */
export async function advanceReplay(
  tx: Transaction,
  id: number,
  progress: ReplayProgress,
  counts: ReplayCounts,
  now: Date,
): Promise<void> {
  const { applied, duplicate, parked, deadLettered, skipped } = counts;
  // The row is locked from here to the commit: a cancellation comes before or after this batch.
  const { affectedRows } = await tx.execute(
    `UPDATE replay SET progress = ?, applied = applied + ?, duplicate = duplicate + ?, parked = parked + ?, dead = dead + ?,
       skipped = skipped + ?, updated_at = ? WHERE id = ? AND status = 'RUNNING'`,
    [JSON.stringify(progress), applied, duplicate, parked, deadLettered, skipped, now, id],
  );
  if (affectedRows === 0) throw new ReplayCancelledError(`replay ${id} was cancelled`);
}

export async function finishReplay(
  database: SqlExecutor,
  id: number,
  status: 'DONE' | 'FAILED',
  now: Date,
  error: string | null = null,
): Promise<void> {
  await database.execute(
    `UPDATE replay SET status = ?, error = ?, updated_at = ?, finished_at = ? WHERE id = ? AND status = 'RUNNING'`,
    [status, error?.slice(0, 2_000) ?? null, now, now, id],
  );
}

const COLUMNS = 'id, kind, consumer_group, filters, ranges, progress, rate, max_lag';

interface ReplayRow {
  id: number;
  kind: ReplayOrder['kind'];
  consumer_group: string;
  filters: string;
  ranges: string;
  progress: string;
  rate: number;
  max_lag: number;
}

interface StoredRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
}

function toOrder(row: ReplayRow): ReplayOrder {
  const progress = JSON.parse(row.progress) as ReplayProgress;
  const ranges = (JSON.parse(row.ranges) as StoredRange[]).map(({ topic, partition, from, to }) => ({
    topic,
    partition,
    from: BigInt(progress[`${topic}/${partition}`] ?? from),
    to: BigInt(to),
  }));
  const filters = JSON.parse(row.filters) as ReplayFilters;
  const { id, kind, consumer_group: group, rate, max_lag: maxLag } = row;
  return { id, kind, group, filters, ranges, progress, rate, maxLag };
}
