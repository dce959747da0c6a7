import type { Admin } from 'kafkajs';

/** A topic exists with another number of partitions: keys would be on other partitions than expected. */
export class TopicMismatchError extends Error {
  override readonly name = 'TopicMismatchError';
}

/**
 * Retention of a week, with a new segment each day. Kafka removes a segment when its newest record is a week old, so a
 * record is kept eight days at most. By the broker's default a quiet topic would keep records for two weeks, longer
 * than inboxes remember them.
 */
const SETTINGS = [
  { name: 'retention.ms', value: String(7 * 86_400_000) },
  { name: 'segment.ms', value: String(86_400_000) },
];

/** Creates missing topics with the broker's default replication, and checks the partitions of existing ones. */
export async function ensureTopics(admin: Admin, topics: readonly string[], partitions: number): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) {
    // createTopics answers false when another process created them meanwhile.
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
