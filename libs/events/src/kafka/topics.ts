import type { Admin } from 'kafkajs';

/** A topic exists with another number of partitions: keys would lie elsewhere than expected. */
export class TopicMismatchError extends Error {
  override readonly name = 'TopicMismatchError';
}

/**
 * A record is kept until the newest of its segment is a week old: with a new segment a day that is eight days at most.
 * By the broker's default a quiet topic would keep its records for two weeks, longer than inboxes remember them.
 */
const SETTINGS = [
  { name: 'retention.ms', value: String(7 * 86_400_000) },
  { name: 'segment.ms', value: String(86_400_000) },
];

/** Creates the topics that are missing, with the broker's default replication; checks the others' partitions. */
export async function ensureTopics(admin: Admin, topics: readonly string[], partitions: number): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) {
    // Answers false when another process created them meanwhile.
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({ topic, numPartitions: partitions, configEntries: SETTINGS })),
    });
  }
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  for (const topic of metadata.topics) {
    if (topic.partitions.length !== partitions) {
      throw new TopicMismatchError(`${topic.name} has ${topic.partitions.length} partitions, not ${partitions}`);
    }
  }
}
