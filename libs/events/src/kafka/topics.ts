import kafkajs, { type Admin } from 'kafkajs';
import { withCauses } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { TopicPlan } from '../topic-plan.ts';
import { durabilityFaults } from './durability.ts';

/**
 * A topic exists with fewer partitions than it must have (no tool adds them without moving keys), or with fewer copies.
 */
export class TopicMismatchError extends Error {
  override readonly name = 'TopicMismatchError';
}

const DAY_MS = 86_400_000;

/**
 * Retention of a week, with a new segment each day. Kafka removes a segment when its newest record is a week old, so a
 * record is kept eight days at most. By the broker's default a quiet topic would keep records for two weeks, longer
 * than inboxes remember them.
 */
export const TOPIC_SETTINGS = { 'retention.ms': String(7 * DAY_MS), 'segment.ms': String(DAY_MS) } as const;

/** Kafka's word for the broker's default in a request. */
const BROKERS_DEFAULT = -1;

/** Settings that a topic of this plan is made with. */
function settingsOf({ replicas, minInSync }: TopicPlan): Readonly<Record<string, string>> {
  if (replicas === undefined) return TOPIC_SETTINGS;
  return {
    ...TOPIC_SETTINGS,
    'min.insync.replicas': String(minInSync),
    'unclean.leader.election.enable': 'false',
  };
}

/** Creates missing topics. @returns the missing ones */
export async function createMissingTopics(admin: Admin, topics: readonly string[], plan: TopicPlan): Promise<string[]> {
  const existing = new Set(await admin.listTopics());
  const missing = topics.filter((topic) => !existing.has(topic));
  if (missing.length > 0) {
    const configEntries = Object.entries(settingsOf(plan)).map(([name, value]) => ({ name, value }));
    const { partitions: numPartitions, replicas: replicationFactor = BROKERS_DEFAULT } = plan;
    // createTopics answers false when another process created them meanwhile.
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({ topic, numPartitions, replicationFactor, configEntries })),
    });
  }
  return missing;
}

/**
 * Creates missing topics, and checks the partitions and copies of existing ones. More partitions are a warning: a key's
 * earlier events lie elsewhere than its later ones, and that is so whether this process starts or not (ADR 34).
 * @throws TopicMismatchError when a topic has fewer partitions, or when the loss of one broker may lose its events
 */
export async function ensureTopics(
  admin: Admin,
  topics: readonly string[],
  plan: TopicPlan,
  logger: EventLogger,
): Promise<void> {
  await createMissingTopics(admin, topics, plan);
  const { partitions } = plan;
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] });
  for (const { name, partitions: found } of metadata.topics) {
    if (found.length < partitions)
      throw new TopicMismatchError(
        `${name} has ${found.length} partitions, and must have ${partitions} (KAFKA_PARTITIONS): docs/guides/change-partitions.md`,
      );
    if (found.length > partitions)
      logger.warn(
        { topic: name, partitions: found.length, expected: partitions },
        'a topic has more partitions than KAFKA_PARTITIONS says: docs/guides/change-partitions.md',
      );
  }
  if (plan.replicas !== undefined) await refuseFragile(admin, topics, plan, logger);
}

/** A topic whose settings this process may not read is not refused for it: `doctor` names the missing right. */
async function refuseFragile(
  admin: Admin,
  topics: readonly string[],
  plan: TopicPlan,
  logger: EventLogger,
): Promise<void> {
  for (const state of await describeTopics(admin, topics)) {
    const { topic, unreadable } = state;
    if (unreadable) logger.warn({ topic, unreadable }, 'whether a topic survives the loss of a broker is not known');
    const [fault] = unreadable ? [] : durabilityFaults(state, plan);
    if (fault)
      throw new TopicMismatchError(
        `${topic}: ${fault.wrong}. docs/runbooks/broker-lost.md tells how to mend it; KAFKA_DURABILITY=single accepts that one lost disk loses events`,
      );
  }
}

/** A topic as the broker has it. */
export interface TopicState {
  readonly topic: string;
  /** The broker's word for why the topic cannot be read, such as UNKNOWN_TOPIC_OR_PARTITION. */
  readonly unreadable?: string;
  readonly partitions: number;
  /** The number of copies of each partition; the least of all. */
  readonly replicas: number;
  /** Partitions of which a copy is not in sync, since its broker is away or behind. */
  readonly underReplicated: number;
  /** Setting → value, as it is in effect. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Reads each topic by itself, so that one that is missing or forbidden hides no other. */
export async function describeTopics(admin: Admin, topics: readonly string[]): Promise<TopicState[]> {
  const states: TopicState[] = [];
  for (const topic of topics) {
    try {
      // The settings first: a question for the metadata of a missing topic may create it.
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
      });
      const entries = resources[0]?.configEntries ?? [];
      const settings = new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
      const partitions = metadata.topics[0]?.partitions ?? [];
      const replicas = Math.min(...partitions.map((partition) => partition.replicas.length));
      const underReplicated = partitions.filter((partition) => partition.isr.length < partition.replicas.length).length;
      states.push({ topic, partitions: partitions.length, replicas, underReplicated, settings });
    } catch (error) {
      const unreadable = answerIn(error);
      if (!unreadable) throw error;
      states.push({ topic, unreadable, partitions: 0, replicas: 0, underReplicated: 0, settings: new Map() });
    }
  }
  return states;
}

/** The broker's answer about a topic in an error of KafkaJS. */
function answerIn(error: unknown): string | undefined {
  for (const cause of withCauses(error)) {
    if (!('type' in cause)) continue;
    const { type } = cause;
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'TOPIC_AUTHORIZATION_FAILED') return type;
    if (type === 'INVALID_TOPIC_EXCEPTION') return type;
  }
  return undefined;
}
