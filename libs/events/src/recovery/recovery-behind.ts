import type { IncomingRecord } from '../broker.ts';
import { isForOthers } from '../codec/index.ts';
import { EVENTS } from '../contracts/index.ts';
import type { RecordRange } from '../kafka/index.ts';
import { readSetAside } from '../replay/index.ts';
import { INBOX_RETENTION_DAYS } from '../store/index.ts';
import type { RecoveryOptions, ReplayedGroup } from './recovery-options.ts';
import { appliedBefore, unfinishedSince } from './recovery-store.ts';

/** The inbox has no other ids, and cannot be asked for others. */
const PLAIN = /^[\x21-\x7e]+$/;
/** At most this many records before the beginning are read of each partition. */
const WINDOW = 1_000n;
/** A day less than the inbox remembers. */
const REMEMBERED_MS = (INBOX_RETENTION_DAYS - 1) * 86_400_000;

/**
 * The groups that had not handled all that was sent before the beginning of the recovery, each in words: they were
 * behind when the backup was taken. A group handles a partition in its order, so the last record that it wants tells of
 * all before. Nothing is known of a group whose inbox is empty, nor of partitions where it wants none of the last
 * records.
 */
export async function groupsBehind(options: RecoveryOptions, groups: readonly ReplayedGroup[]): Promise<string[]> {
  const { database, log, from, clock } = options;
  const since = await unfinishedSince(database);
  const topics = [...new Set(groups.flatMap(({ handles }) => handles.map((type) => EVENTS[type].topic)))].sort();
  const ends = await log.ranges(topics, from);
  const last = await lastWanted(options, groups, ends.map(beforeBeginning), clock.now() - REMEMBERED_MS);
  const found: string[] = [];
  for (const [group, records] of last) {
    const ids = records.flatMap(({ headers }) => headers.ce_id ?? []).filter((id) => PLAIN.test(id));
    const applied = await appliedBefore(database, group, ids, since);
    if (!applied) continue;
    for (const record of records) {
      if (applied.has(record.headers.ce_id ?? '')) continue;
      if ((await readSetAside(database, group, [record], { parked: true })).size > 0) continue;
      const { topic, partition, offset, timestamp } = record;
      found.push(`${group} ${topic}/${partition}@${offset}, sent at ${new Date(timestamp).toISOString()}`);
    }
  }
  return found;
}

/** The records just before the first one at or after the beginning. */
function beforeBeginning({ topic, partition, low, from: to }: RecordRange & { readonly low: bigint }): RecordRange {
  return { topic, partition, from: to - WINDOW > low ? to - WINDOW : low, to };
}

/** The last record of each partition that each group wants, by group. */
async function lastWanted(
  { log }: RecoveryOptions,
  groups: readonly ReplayedGroup[],
  ranges: readonly RecordRange[],
  oldest: number,
): Promise<Map<string, IncomingRecord[]>> {
  const interests = groups.map(({ group, handles, wants }) => ({
    group,
    topics: new Set(handles.map((type) => EVENTS[type].topic)),
    interest: { handles: new Set<string>(handles), wants },
    last: new Map<string, IncomingRecord>(),
  }));
  await log.read(ranges, (record) => {
    if (record.timestamp < oldest) return;
    for (const { topics, interest, last } of interests)
      if (topics.has(record.topic) && !isForOthers(record, interest))
        last.set(`${record.topic}/${record.partition}`, record);
  });
  const byGroup = new Map<string, IncomingRecord[]>();
  for (const { group, last } of interests) byGroup.set(group, [...(byGroup.get(group) ?? []), ...last.values()]);
  return byGroup;
}
