import { type Database, placeholders, type SqlExecutor, type Transaction } from '@shop/chassis';
import { EVENTS } from '../contracts/index.ts';
import { StaleBatchError } from '../errors.ts';
import type { RecordRange } from '../kafka/index.ts';
import type { ReplayCounts } from '../replay/index.ts';
import { lowestIdAt } from '../store/index.ts';
import type { ReplayedGroup } from './recovery-options.ts';

/** When each group last handled an event, ISO. */
type InboxTimes = Readonly<Record<string, string>>;

/**
 * When one of the groups last handled an event in live operation: about the time of the backup. Inbox rows of
 * unfinished recoveries are left out: a run that died must not make the schema look younger than it is. Reads the whole
 * inbox.
 */
export async function latestInboxTime(database: SqlExecutor, groups: readonly string[]): Promise<Date | undefined> {
  const times = await timesAtBackup(database);
  const latest = groups
    .flatMap((group) => times[group] ?? [])
    .sort()
    .at(-1);
  return latest === undefined ? undefined : new Date(latest);
}

/**
 * The `plan` of a recovery: when each group had last handled an event as the recovery began. It is kept, because the
 * rows may be marked anew while the recovery is unfinished: an inbox remembers longer what is sent to a new log.
 * @param table the inbox, which has another name while a schema is restored
 */
export async function recoveryPlan(database: Pick<SqlExecutor, 'query'>, table = 'processed_event'): Promise<string> {
  return planOf(await inboxTimes(database, table));
}

const planOf = (inbox: InboxTimes) => JSON.stringify({ inbox });

async function inboxTimes(
  database: Pick<SqlExecutor, 'query'>,
  table: string,
  before?: Date | undefined,
): Promise<InboxTimes> {
  const rows = await database.query<{ name: string; latest: string }>(
    `SELECT consumer_group AS name, DATE_FORMAT(MAX(processed_at), '%Y-%m-%dT%T.%f') AS latest FROM ${table}
      ${before ? 'WHERE processed_at < ?' : ''} GROUP BY consumer_group`,
    before ? [before] : [],
  );
  return Object.fromEntries(rows.map(({ name, latest }) => [name, `${latest.slice(0, -3)}Z`]));
}

/** The times that an unfinished recovery keeps, or else those of the rows that are older than it. */
async function timesAtBackup(database: SqlExecutor): Promise<InboxTimes> {
  const since = await unfinishedSince(database);
  const rows = await database.query<{ plan: string }>(
    `SELECT plan FROM replay WHERE kind = 'RECOVERY' AND ${UNFINISHED} ORDER BY id DESC`,
  );
  const kept = rows.map(({ plan }) => (JSON.parse(plan) as { inbox?: InboxTimes }).inbox).find(Boolean);
  return kept ?? (await inboxTimes(database, 'processed_event', since));
}

/**
 * Which of these events the group has applied, without those of unfinished recoveries; undefined for a group that has
 * applied none at all.
 * @param since when the unfinished recoveries began
 */
export async function appliedBefore(
  database: SqlExecutor,
  group: string,
  eventIds: readonly string[],
  since: Date | undefined,
): Promise<ReadonlySet<string> | undefined> {
  const ofGroup = `FROM processed_event WHERE consumer_group = ?${since ? ' AND processed_at < ?' : ''}`;
  const params = since ? [group, since] : [group];
  const any = await database.query(`SELECT 1 ${ofGroup} LIMIT 1`, params);
  if (any.length === 0) return undefined;
  if (eventIds.length === 0) return new Set();
  const rows = await database.query<{ event_id: string }>(
    `SELECT event_id ${ofGroup} AND event_id IN (${placeholders(eventIds.length)})`,
    [...params, ...eventIds],
  );
  return new Set(rows.map((row) => row.event_id));
}

/** How many events, of causes since a time, these groups have applied; counted up to `most`. */
export async function countApplied(
  database: SqlExecutor,
  groups: readonly string[],
  { since, most }: { readonly since: number; readonly most: number },
): Promise<number> {
  const [row] = await database.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM (SELECT DISTINCT event_id FROM processed_event
       WHERE consumer_group IN (${placeholders(groups.length)}) AND event_id >= ? LIMIT ?) AS piece`,
    [...groups, lowestIdAt(since), most],
  );
  return row?.n ?? 0;
}

/** When the first of the recoveries began that came after the last finished one; undefined when none did. */
export async function unfinishedSince(database: SqlExecutor): Promise<Date | undefined> {
  const [row] = await database.query<{ since: Date | null }>(
    `SELECT MIN(started_at) AS since FROM replay WHERE kind = 'RECOVERY' AND ${UNFINISHED}`,
  );
  return row?.since ?? undefined;
}

/**
 * The row 0 is of a restore that the binary log follows: the log's own rows have numbers from 1 on, also those of
 * recoveries that were done then, so it is unfinished until it says itself that it is done.
 */
const UNFINISHED = `(id > (SELECT COALESCE(MAX(id), 0) FROM replay WHERE kind = 'RECOVERY' AND status = 'DONE')
  OR (id = 0 AND status <> 'DONE'))`;

/** Id of the latest recovery, whatever its outcome; 0 for none. */
export async function lastRecovery(database: SqlExecutor): Promise<number> {
  const [row] = await database.query<{ id: number | null }>(`SELECT MAX(id) AS id FROM replay WHERE kind = 'RECOVERY'`);
  return row?.id ?? 0;
}

/** Whether a recovery from `from` on has finished since the row `after`, and within the last `withinMs`. */
export async function isRecovered(
  database: SqlExecutor,
  from: Date,
  after: number,
  withinMs?: number,
): Promise<boolean> {
  const recent = withinMs === undefined ? '' : ' AND finished_at > UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND';
  const rows = await database.query(
    `SELECT 1 FROM replay WHERE kind = 'RECOVERY' AND status = 'DONE' AND id > ? AND filters = ?${recent} LIMIT 1`,
    [after, filtersOf(from), ...(withinMs === undefined ? [] : [withinMs * 1_000])],
  );
  return rows.length > 0;
}

/** Writes the row of a new recovery, and closes the rows of runs that died. @returns its id */
export async function startRecovery(
  database: Database,
  run: {
    readonly group: string;
    readonly from: Date;
    readonly instance: string;
    readonly ranges: readonly RecordRange[];
    readonly now: Date;
  },
): Promise<number> {
  const { group, from, instance, now } = run;
  const plan = planOf(await timesAtBackup(database));
  return database.transaction(async (tx) => {
    await tx.execute(
      `UPDATE replay SET status = 'FAILED', error = 'it ended before it was done', updated_at = ?, finished_at = ?
        WHERE kind = 'RECOVERY' AND status = 'RUNNING'`,
      [now, now],
    );
    const { insertId } = await tx.execute(
      `INSERT INTO replay (kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate,
         max_lag, requested_at, started_at, updated_at) VALUES ('RECOVERY', ?, 'RUNNING', ?, 'RECOVERY=on', ?, ?, ?, '{}', 0, 0, ?, ?, ?)`,
      [group, instance, filtersOf(from), inText(run.ranges), plan, now, now, now],
    );
    return insertId;
  });
}

/** Notes the progress of a recovery, for operators watching it. @throws StaleBatchError when another run has begun */
export async function noteStep(database: SqlExecutor, id: number, step: string, now: Date): Promise<void> {
  const { affectedRows } = await database.execute(
    "UPDATE replay SET progress = ?, updated_at = ? WHERE id = ? AND status = 'RUNNING'",
    [JSON.stringify({ step }), now, id],
  );
  if (affectedRows === 0) throw new StaleBatchError(TAKEN_OVER);
}

/** Adds the counts of one transaction of the recovery, within that transaction. */
export async function noteRecovery(
  tx: Transaction,
  id: number,
  counts: Partial<ReplayCounts> & { readonly facts?: number },
  now: Date,
): Promise<void> {
  const { facts = 0, applied = 0, duplicate = 0, parked = 0, deadLettered = 0, skipped = 0 } = counts;
  const { affectedRows } = await tx.execute(
    `UPDATE replay SET facts = facts + ?, applied = applied + ?, duplicate = duplicate + ?, parked = parked + ?,
       dead = dead + ?, skipped = skipped + ?, updated_at = ? WHERE id = ? AND status = 'RUNNING'`,
    [facts, applied, duplicate, parked, deadLettered, skipped, now, id],
  );
  if (affectedRows === 0) throw new StaleBatchError(TAKEN_OVER);
}

const TAKEN_OVER = 'another run of the recovery has begun since';

/**
 * Refuses this transaction when another run has begun. A process that was frozen longer than its locks lasted wakes in
 * the middle of a step, and must not overwrite what its successor has written.
 */
export async function expectStillRunning(tx: Transaction, id: number): Promise<void> {
  const [row] = await tx.query<{ status: string }>('SELECT status FROM replay WHERE id = ? FOR SHARE', [id]);
  if (row?.status !== 'RUNNING') throw new StaleBatchError(TAKEN_OVER);
}

/** Closes a recovery as done. @throws StaleBatchError when another run has begun */
export async function finishRecovery(tx: Transaction, id: number, now: Date): Promise<void> {
  const { affectedRows } = await tx.execute(
    "UPDATE replay SET status = 'DONE', updated_at = ?, finished_at = ? WHERE id = ? AND status = 'RUNNING'",
    [now, now, id],
  );
  if (affectedRows === 0) throw new StaleBatchError(TAKEN_OVER);
  await tx.execute("UPDATE replay SET status = 'DONE', updated_at = ?, finished_at = ? WHERE id = 0", [now, now]);
}

/** Closes a recovery that is refused. The row of one that another run has closed says already what became of it. */
export async function failRecovery(database: SqlExecutor, id: number, now: Date, error: string): Promise<void> {
  await database.execute(
    `UPDATE replay SET status = 'FAILED', error = ?, updated_at = ?, finished_at = ?
      WHERE id = ? AND status = 'RUNNING'`,
    [error.slice(0, 2_000), now, now, id],
  );
}

/** Most messages a second, and the lag at which a replay pauses, for those that a recovery asks for. */
const REPLAY_PACE = [2_000, 1_000];

/** Asks for a replay of what the groups hear in these ranges. The replayer carries it out once the service runs. */
export async function requestReplays(
  tx: Transaction,
  groups: readonly ReplayedGroup[],
  run: {
    readonly from: Date;
    readonly instance: string;
    readonly ranges: readonly RecordRange[];
    readonly now: Date;
  },
): Promise<void> {
  const { from, instance, now } = run;
  for (const { group, handles } of groups) {
    const topics = new Set(handles.map((type) => EVENTS[type].topic));
    const ranges = run.ranges.filter((range) => topics.has(range.topic));
    await tx.execute(
      `INSERT INTO replay (kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate,
         max_lag, requested_at, updated_at) VALUES ('REPLAY', ?, 'REQUESTED', ?, 'after a recovery', ?, ?, '{}', '{}', ?, ?, ?, ?)`,
      [group, instance, filtersOf(from), inText(ranges), ...REPLAY_PACE, now, now],
    );
  }
}

/** Ranges as JSON: offsets are 64 bits, so they become text. */
function inText(ranges: readonly RecordRange[]): string {
  return JSON.stringify(
    ranges.map(({ topic, partition, from, to }) => ({ topic, partition, from: `${from}`, to: `${to}` })),
  );
}

function filtersOf(from: Date): string {
  return JSON.stringify({ types: null, key: null, from: from.toISOString() });
}
