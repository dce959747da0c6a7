import type { Admin } from 'kafkajs';

/** First and next offset of a partition's log. */
export interface LogRange {
  readonly partition: number;
  readonly low: string;
  readonly high: string;
}

export async function logRanges(admin: Admin, topic: string): Promise<LogRange[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets
    .map(({ partition, low, high }) => ({ partition, low, high }))
    .sort((a, b) => a.partition - b.partition);
}

export interface CommittedOffset {
  readonly topic: string;
  readonly partition: number;
  /** The next offset the group will read; undefined if it never committed. */
  readonly offset: string | undefined;
}

export async function committedOffsets(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<CommittedOffset[]> {
  const answers = await admin.fetchOffsets({ groupId, topics: [...topics] });
  return answers.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => ({ topic, partition, offset: offset === '-1' ? undefined : offset })),
  );
}

/**
 * Committed positions that the log no longer holds: retention has passed them, or the log was cut or made anew. KafkaJS
 * would silently go on from elsewhere.
 */
export async function outOfRange(admin: Admin, groupId: string, topics: readonly string[]): Promise<string[]> {
  const committed = await committedOffsets(admin, groupId, topics);
  const problems: string[] = [];
  for (const topic of topics) {
    for (const { partition, low, high } of await logRanges(admin, topic)) {
      const offset = committed.find((entry) => entry.topic === topic && entry.partition === partition)?.offset;
      if (offset === undefined) continue;
      if (BigInt(offset) < BigInt(low) || BigInt(offset) > BigInt(high)) {
        problems.push(`${topic}/${partition}: committed ${offset}, the log holds ${low} to ${high}`);
      }
    }
  }
  return problems;
}
