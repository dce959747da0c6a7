import { type KafkaAdmin, type LostPlace, lostAmong, TOPIC_SETTINGS } from '@shop/events';
import type { Group } from '../../services/groups.ts';
import { schemaOf } from '../../services/services.ts';
import { firstIdAt } from './audit/check.ts';
import { GROUPS, topicsOf } from './audit/groups.ts';
import type { SqlReader } from './sql.ts';

/** A group that has halted, or would when it starts: the log no longer holds its place. */
export interface LostGroup {
  readonly group: Group;
  readonly places: readonly LostPlace[];
}

/** The command that leads such a group on, and the page that tells more. */
export const LEAD_ON = 'npm run ops -- republish (docs/runbooks/lost-place.md)';

/** The command that makes a log whole again that was deleted or made anew, and the page that tells more. */
export const FILL = 'npm run ops -- republish --log (docs/runbooks/lost-log.md)';

/** The places of one group that the log no longer holds; none when it can go on by itself. */
export async function lostPlaces(
  log: Pick<KafkaAdmin, 'places' | 'topics'>,
  sql: SqlReader,
  group: Group,
): Promise<readonly LostPlace[]> {
  // A topic that does not exist is another fault, with its own advice.
  const existing = new Set(await log.topics());
  const topics = topicsOf(group).filter((topic) => existing.has(topic));
  const places = await log.places(group.group, topics);
  const inbox = await sql.query(
    `SELECT 1 FROM ${schemaOf(group.service)}.processed_event WHERE consumer_group = ? LIMIT 1`,
    [group.group],
  );
  return lostAmong(places, inbox.length > 0);
}

/** An optional group without any committed offset does not run here. */
export function isInUse({ group, places }: LostGroup): boolean {
  return !group.optional || places.some((place) => place.committed !== undefined);
}

export async function lostGroups(log: Pick<KafkaAdmin, 'places' | 'topics'>, sql: SqlReader): Promise<LostGroup[]> {
  const found: LostGroup[] = [];
  for (const group of GROUPS) {
    const places = await lostPlaces(log, sql, group);
    if (places.length > 0) found.push({ group, places });
  }
  return found;
}

/** Groups whose topics were made anew, and those of which that is not known. */
export interface NewLog {
  readonly found: readonly Group[];
  readonly unknown: readonly { readonly group: Group; readonly error: string }[];
}

/**
 * Groups that have applied more events in the last seven days than their topics hold, though nothing was removed from
 * their beginning: the topics were deleted, and made anew. No clock is asked. Once the new topics hold more records
 * than the group has applied of the old ones, only `republish --log` and the audit tell. A group that cannot be looked
 * at hides no other: its inbox may be too large to be counted in time.
 */
export async function groupsOfNewLog(
  log: Pick<KafkaAdmin, 'ranges' | 'topics'>,
  sql: SqlReader,
  now: number,
): Promise<NewLog> {
  const existing = new Set(await log.topics());
  const found: Group[] = [];
  const unknown: { group: Group; error: string }[] = [];
  for (const group of GROUPS) {
    try {
      const ranges = await log.ranges(topicsOf(group).filter((topic) => existing.has(topic)));
      if (await hasAppliedMore(sql, group, ranges, now)) found.push(group);
    } catch (error) {
      unknown.push({ group, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return { found, unknown };
}

async function hasAppliedMore(
  sql: SqlReader,
  group: Group,
  ranges: Awaited<ReturnType<KafkaAdmin['ranges']>>,
  now: number,
): Promise<boolean> {
  if (ranges.some(({ low }) => low > 0n)) return false;
  const held = ranges.reduce((sum, { from, to }) => sum + Number(to - from), 0);
  const since = firstIdAt(new Date(now - Number(TOPIC_SETTINGS['retention.ms'])));
  const [row] = await sql.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM (SELECT 1 FROM ${schemaOf(group.service)}.processed_event
       WHERE consumer_group = ? AND event_id >= ? LIMIT ?) AS piece`,
    [group.group, since, held + 1],
  );
  return row !== undefined && row.n > held;
}

/** Says of which groups nothing is known: one sentence for each reason. */
export function newLogUnknown({ unknown }: NewLog): string[] {
  return [...Map.groupBy(unknown, ({ error }) => error)].map(
    ([error, of]) =>
      `whether topics of ${of.map(({ group }) => group.group).join(', ')} were made anew could not be looked at: ${error}`,
  );
}
