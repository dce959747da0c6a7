import { type IncomingRecord, type KafkaAdmin, letterIdOf, type RecordRange } from '@shop/events';
import type { Group } from '../../../services/groups.ts';
import { schemaOf } from '../../../services/services.ts';
import { appliedAmong, isFor } from '../audit/groups.ts';
import type { SqlReader } from '../sql.ts';
import type { ReplayWish } from './options.ts';
import { type TypeCount, typeCounts } from './type-counts.ts';

/** The extent of a replay. */
export interface ReplayPlan {
  readonly group: string;
  readonly ranges: readonly RecordRange[];
  readonly types: readonly TypeCount[];
  readonly messages: number;
  /** The part of `messages` that the group's inbox does not hold. */
  readonly fresh: number;
  /** The part that lies in the group's dead letters. */
  readonly setAside: number;
  /** Records from `from` on that the group has not reached: it gets them anyway. */
  readonly beyond: number;
  /** Expected duration at the requested rate, ms. */
  readonly expectedMs: number;
}

/**
 * Plans a replay by reading the topics. Only messages behind the group's offset are replayed: messages ahead of it are
 * on their way, and must not be overtaken by a later message of their key. @throws in words when the topics no longer
 * hold the beginning
 */
export async function planReplay(
  log: KafkaAdmin,
  sql: SqlReader,
  wish: ReplayWish,
  perSecond: number,
): Promise<ReplayPlan> {
  const { group, topics } = wish;
  const gone = await log.goneSince(topics, wish.from);
  if (gone.length > 0) throw new Error(`the topics no longer hold all since then: ${gone.join('; ')}`);
  const { ranges, beyond } = await rangesOf(log, wish);

  const counts = typeCounts();
  let messages = 0;
  let fresh = 0;
  let setAside = 0;
  await log.readRuns(ranges, async (records) => {
    const wanted = records.filter((record) => isWanted(record, wish));
    for (const record of wanted) counts.add(record);
    const letters = await lettersAmong(sql, group, wanted);
    const free = wanted.filter((record) => !letters.has(record.offset));
    const ids = [...new Set(free.flatMap((record) => record.headers.ce_id ?? []))];
    messages += wanted.length;
    setAside += wanted.length - free.length;
    fresh += ids.length - (await appliedAmong(sql, group.group, ids)).size;
  });
  const expectedMs = Math.round((messages * 1_000) / perSecond);
  return { group: group.group, ranges, types: counts.all(), messages, fresh, setAside, beyond, expectedMs };
}

async function rangesOf(log: KafkaAdmin, { group, topics, from, to }: ReplayWish) {
  const held = await log.ranges(topics, from);
  const ends = to ? await log.ranges(topics, to) : [];
  const committed = await log.committed(group.group, topics);
  let beyond = 0n;
  const ranges = held.map((range) => {
    const isSame = (it: { topic: string; partition: number }) =>
      it.topic === range.topic && it.partition === range.partition;
    const end = least(range.to, ends.find(isSame)?.from ?? range.to);
    const passed = BigInt(committed.find(isSame)?.offset ?? range.low);
    const last = least(end, passed);
    if (end > last) beyond += end - (last > range.from ? last : range.from);
    return { topic: range.topic, partition: range.partition, from: range.from, to: last };
  });
  return { ranges: ranges.filter((range) => range.from < range.to), beyond: Number(beyond) };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function isWanted(record: IncomingRecord, { group, types, key }: ReplayWish): boolean {
  if (key !== null && record.key !== key) return false;
  const type = record.headers.ce_type;
  if (types && !types.some((each) => each === type)) return false;
  // A record without a type concerns every group.
  return type === undefined || isFor(group, record.headers);
}

/** Offsets of one partition's records that the group has in its dead letters, whatever their status. */
async function lettersAmong(
  sql: SqlReader,
  { group, service }: Group,
  records: readonly IncomingRecord[],
): Promise<Set<string>> {
  const [first, last] = [records.at(0), records.at(-1)];
  if (!first || !last) return new Set();
  const rows = await sql.query<{ position: number; id: string | null }>(
    `SELECT \`offset\` AS position, event_id AS id FROM ${schemaOf(service)}.dead_letter
      WHERE consumer_group = ? AND topic = ? AND \`partition\` = ? AND \`offset\` BETWEEN ? AND ?`,
    [group, first.topic, first.partition, first.offset, last.offset],
  );
  // A letter of another event at the same position is of a log that was deleted.
  const ids = new Map(records.map((record) => [record.offset, letterIdOf(record)]));
  return new Set(rows.map((row) => String(row.position)).filter((position, i) => ids.get(position) === rows[i]?.id));
}
