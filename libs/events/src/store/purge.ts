import { type Database, placeholders } from '@shop/chassis';
import { systemClock } from '../clock.ts';

const DAY_MS = 86_400_000;
/**
 * Longer than any record is kept (7 days, and a day for its segment, see `ensureTopics`), so that a replay meets every
 * id.
 */
export const INBOX_RETENTION_DAYS = 10;
const CHUNK = 1_000;

/** The least id of a cause at `time` (ms since the epoch): ids carry the time of their cause in front. */
export function lowestIdAt(time: number): string {
  const hex = Math.max(0, Math.floor(time)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/**
 * Deletes inbox rows older than the retention, by ranges of the primary key, in small chunks. A row of an old event
 * that was processed lately (a replay) stays. So does one that an open dead letter names, however long it is open: its
 * redrive must find that the event was applied. So does one whose letter was redriven within the retention: an audit
 * looks for it. So does each group's last row: it shows that the group is no new one, should its offsets expire while
 * it does nothing. @returns how many rows were deleted.
 */
export async function purgeInbox(database: Database, now: number, signal?: AbortSignal): Promise<number> {
  const cutoff = now - INBOX_RETENTION_DAYS * DAY_MS;
  const groups = await database.query<{ name: string; newest: string }>(
    'SELECT consumer_group AS name, MAX(event_id) AS newest FROM processed_event GROUP BY consumer_group',
  );
  let deleted = 0;
  for (const { name, newest } of groups) {
    const end = [lowestIdAt(cutoff), newest].sort()[0] ?? '';
    const kept = await namedByLetters(database, name, end, new Date(cutoff));
    let after = '';
    while (!signal?.aborted) {
      const [last] = await database.query<{ id: string }>(
        `SELECT MAX(event_id) AS id FROM (SELECT event_id FROM processed_event
           WHERE consumer_group = ? AND event_id > ? AND event_id < ? ORDER BY event_id LIMIT ${CHUNK}) AS piece`,
        [name, after, end],
      );
      if (!last?.id) break;
      const [from, to] = [after, last.id];
      const keep = kept.filter((id) => id > from && id <= to);
      const others = keep.length > 0 ? ` AND event_id NOT IN (${placeholders(keep.length)})` : '';
      const { affectedRows } = await database.execute(
        `DELETE FROM processed_event WHERE consumer_group = ? AND event_id > ? AND event_id <= ? AND processed_at < ?${others}`,
        [name, from, to, new Date(cutoff), ...keep],
      );
      deleted += affectedRows;
      after = last.id;
      await systemClock.sleep(50, signal);
    }
  }
  return deleted;
}

/**
 * The ids below `end` in the group's inbox that its letters name, open ones and those redriven since `cutoff`. A letter
 * written later names none of them.
 */
async function namedByLetters(database: Database, group: string, end: string, cutoff: Date): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT d.event_id AS id FROM dead_letter d
       JOIN processed_event p ON p.consumer_group = d.consumer_group AND p.event_id = d.event_id
      WHERE d.consumer_group = ? AND d.event_id < ?
        AND (d.status IN ('DEAD', 'PARKED', 'REDRIVE') OR (d.status = 'REDRIVEN' AND d.resolved_at >= ?))`,
    [group, end, cutoff],
  );
  return rows.map(({ id }) => id);
}
