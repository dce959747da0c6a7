import kafkajs, { type Admin, type SeekEntry } from 'kafkajs';
import { OutageError } from '../errors.ts';

/** First and next offset of a partition's log. */
export interface LogRange {
  readonly partition: number;
  readonly low: string;
  readonly high: string;
}

/**
 * KafkaJS does not know the partitions of a topic that it was asked about. It keeps one table of topics for all
 * questions of a client. Each question asks a broker for the table anew, and an earlier, slower answer, without the
 * topics of later questions, may replace a later one. A question then finds no partitions: it fails with a TypeError,
 * or is answered as though the topic had none. Asked again, it is answered; where that takes too long, a replay or a
 * recovery waits as for a broker that is away.
 */
export class TableReplacedError extends OutageError {
  override readonly name = 'TableReplacedError';
  /** As of a partition without a leader: ask again. */
  readonly type = 'LEADER_NOT_AVAILABLE';
  constructor(topic: string, options?: ErrorOptions) {
    super(`the partitions of ${topic} are not known at the moment`, options);
  }
}

/** Asks KafkaJS for offsets of a topic. @throws TableReplacedError */
async function offsetsOf<T>(topic: string, ask: () => Promise<T[]>): Promise<T[]> {
  try {
    return await ask();
  } catch (error) {
    throw error instanceof TypeError ? new TableReplacedError(topic, { cause: error }) : error;
  }
}

/** @throws TableReplacedError */
export async function logRanges(admin: Admin, topic: string): Promise<LogRange[]> {
  const offsets = await offsetsOf(topic, () => admin.fetchTopicOffsets(topic));
  return offsets
    .map(({ partition, low, high }) => ({ partition, low, high }))
    .sort((a, b) => a.partition - b.partition);
}

/** For each partition the first offset from a time on. @throws TableReplacedError */
export function offsetsSince(admin: Admin, topic: string, sinceMs: number): Promise<SeekEntry[]> {
  return offsetsOf(topic, () => admin.fetchTopicOffsetsByTimestamp(topic, sinceMs));
}

export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
  /** The next offset the group will read; undefined if it never committed. */
  readonly offset: string | undefined;
}

/** @throws TableReplacedError */
export async function committedOffsets(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<CommittedOffset[]> {
  const answers = await admin.fetchOffsets({ groupId, topics: [...topics] });
  const answered = new Set(answers.filter(({ partitions }) => partitions.length > 0).map(({ topic }) => topic));
  const unknown = topics.find((topic) => !answered.has(topic));
  // Without this a group that has committed would look like one that never has.
  if (unknown !== undefined) throw new TableReplacedError(unknown);
  return answers.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset: offset === '-1' ? undefined : offset })),
  );
}

/**
 * Partitions whose beginning is gone and that may have held records from `since` on. If the first record held is from
 * after `since`, records between may be gone. An empty partition counts as complete while its retention reaches back
 * beyond `since`.
 */
export async function goneSince(admin: Admin, topics: readonly string[], since: Date, now: number): Promise<string[]> {
  const problems: string[] = [];
  for (const topic of topics) {
    const starts = await offsetsSince(admin, topic, since.getTime());
    for (const { partition, low, high } of await logRanges(admin, topic)) {
      const start = starts.find((entry) => entry.partition === partition)?.offset ?? low;
      if (BigInt(low) === 0n || BigInt(start) > BigInt(low)) continue;
      if (low === high && since.getTime() > now - (await retentionMs(admin, topic))) continue;
      problems.push(`${topic}/${partition} begins at offset ${low}, after ${since.toISOString()}`);
    }
  }
  return problems;
}

const HOUR_MS = 3_600_000;
/** The search goes back at most this many hours. */
const MAX_HOURS = 10_000;

/**
 * The earliest full hour since which nothing is gone, by bisection; undefined where nothing ever was.
 * @param gone `goneSince` of the topics
 */
export async function heldSince(gone: (since: Date) => Promise<string[]>, now: number): Promise<Date | undefined> {
  const isHeld = async (since: number) => (await gone(new Date(since))).length === 0;
  if (await isHeld(0)) return undefined;
  const next = Math.floor(now / HOUR_MS) + 1;
  // Invariant: from `held` hours back everything is there, from `lost` hours back it is not. The next hour is always
  // held.
  let [held, lost] = [0, MAX_HOURS];
  while (lost - held > 1) {
    const middle = Math.floor((held + lost) / 2);
    if (await isHeld((next - middle) * HOUR_MS)) held = middle;
    else lost = middle;
  }
  return new Date((next - held) * HOUR_MS);
}

/** How long the broker keeps a topic's records, ms; 0 where it also removes them by size. */
export async function retentionMs(admin: Admin, topic: string): Promise<number> {
  const configNames = ['retention.ms', 'retention.bytes'];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames }],
  });
  const entries = resources[0]?.configEntries ?? [];
  const setting = (name: string) => Number(entries.find((entry) => entry.configName === name)?.configValue ?? 0);
  if (setting('retention.bytes') >= 0) return 0;
  const ms = setting('retention.ms');
  return ms < 0 ? Number.POSITIVE_INFINITY : ms;
}
