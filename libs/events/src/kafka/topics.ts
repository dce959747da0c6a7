import kafkajs, { type Admin } from 'kafkajs';
import { withCauses } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import type { TopicPlan } from '../topic-plan.ts';
import { durabilityFaults } from './durability.ts';

/**
 * A topic exists with fewer partitions than it must have (no tool adds them without moving keys), or with fewer copies,
 * or cannot be made with as many copies as it must have.
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

/** In a request for a topic: as many replicas as the broker's `default.replication.factor`. */
const DEFAULT_REPLICAS = -1;

/** Settings that a topic of this plan is made with. */
function newSettings({ replicas, minInSync }: TopicPlan): Readonly<Record<string, string>> {
  if (replicas === undefined) return TOPIC_SETTINGS;
  return {
    ...TOPIC_SETTINGS,
    'min.insync.replicas': String(minInSync),
    'unclean.leader.election.enable': 'false',
  };
}

/**
 * Creates missing topics, unless another one of them has other partitions than the plan: the caller's plan is then not
 * the one of the services, and what is made with a wrong number stays so.
 * @returns the missing ones
 * @throws TopicMismatchError
 */
export async function createMissingTopics(admin: Admin, topics: readonly string[], plan: TopicPlan): Promise<string[]> {
  const { existing, missing } = await listed(admin, topics);
  for (const { name, partitions } of await metadataOf(admin, existing)) {
    if (partitions.length === plan.partitions) continue;
    throw new TopicMismatchError(
      `nothing is made: ${name} has ${partitions.length} partitions, and KAFKA_PARTITIONS is ${plan.partitions}. Set it to what the services have, or follow docs/guides/change-partitions.md`,
    );
  }
  await make(admin, missing, plan);
  return missing;
}

async function listed(admin: Admin, topics: readonly string[]) {
  const all = new Set(await admin.listTopics());
  return { existing: topics.filter((topic) => all.has(topic)), missing: topics.filter((topic) => !all.has(topic)) };
}

async function metadataOf(admin: Admin, topics: readonly string[]) {
  // A request that names no topic asks for all.
  return topics.length === 0 ? [] : (await admin.fetchTopicMetadata({ topics: [...topics] })).topics;
}

async function make(admin: Admin, missing: readonly string[], plan: TopicPlan): Promise<void> {
  if (missing.length === 0) return;
  const configEntries = Object.entries(newSettings(plan)).map(([name, value]) => ({ name, value }));
  const { partitions: numPartitions, replicas: replicationFactor = DEFAULT_REPLICAS } = plan;
  try {
    // createTopics answers false when another process created them meanwhile.
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map((topic) => ({ topic, numPartitions, replicationFactor, configEntries })),
    });
  } catch (error) {
    throw whyNotMade(error, plan);
  }
}

/** KafkaJS gives one error for all topics, which says nothing itself; each topic's own answer is in its `errors`. */
function whyNotMade(error: unknown, { replicas }: TopicPlan): unknown {
  const all: unknown[] = error instanceof Error && 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  const answers = all.flatMap((each) =>
    each instanceof Error && 'type' in each && each.type !== 'TOPIC_ALREADY_EXISTS'
      ? [{ topic: 'topic' in each ? String(each.topic) : '', type: String(each.type) }]
      : [],
  );
  const [first] = answers;
  if (!first) return error;
  if (answers.some(({ type }) => type === 'INVALID_REPLICATION_FACTOR'))
    return new TopicMismatchError(
      replicas === undefined
        ? 'the topics cannot be made: Kafka has fewer brokers than its default.replication.factor. docs/runbooks/broker-lost.md'
        : `the topics cannot be made with ${replicas} replicas (KAFKA_REPLICATION_FACTOR): Kafka has fewer brokers. Start more of them, or set KAFKA_DURABILITY=single, which accepts that one lost disk loses events: docs/runbooks/broker-lost.md`,
      { cause: error },
    );
  const words = answers.map(({ topic, type }) => `${topic}: ${type}`).join(', ');
  return new Error(`topics cannot be made: ${words}`, { cause: error });
}

/**
 * Checks the partitions and copies of existing topics, then creates the missing ones: a start that is refused has
 * changed nothing. More partitions are a warning: a key's earlier events lie elsewhere than its later ones, and that is
 * so whether this process starts or not (ADR 34).
 * @throws TopicMismatchError when a topic has fewer partitions, or when the loss of one broker may lose its events
 */
export async function ensureTopics(
  admin: Admin,
  topics: readonly string[],
  plan: TopicPlan,
  logger: EventLogger,
): Promise<void> {
  const { existing, missing } = await listed(admin, topics);
  await check(admin, existing, plan, logger);
  await make(admin, missing, plan);
  // Another process may have made them meanwhile, by another plan.
  await check(admin, missing, plan, logger);
}

async function check(admin: Admin, topics: readonly string[], plan: TopicPlan, logger: EventLogger): Promise<void> {
  const { partitions } = plan;
  for (const { name, partitions: found } of await metadataOf(admin, topics)) {
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

/** A topic whose settings this process may not read is refused for its replicas only; `doctor` names the right. */
async function refuseFragile(
  admin: Admin,
  topics: readonly string[],
  plan: TopicPlan,
  logger: EventLogger,
): Promise<void> {
  for (const state of await describeTopics(admin, topics)) {
    const { topic, unreadable, settingsUnreadable } = state;
    const hidden = unreadable ?? settingsUnreadable;
    if (hidden)
      logger.warn({ topic, unreadable: hidden }, 'whether a topic survives the loss of a broker is not known');
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
  /** The broker's word for why its settings alone cannot be read. */
  readonly settingsUnreadable?: string;
  readonly partitions: number;
  /** The number of copies of each partition; the least of all. */
  readonly replicas: number;
  /** Partitions of which a copy is not in sync, since its broker is away or behind. */
  readonly underReplicated: number;
  /** Setting → value, as it is in effect. */
  readonly settings: ReadonlyMap<string, string>;
}

/** Reads each topic by itself, so that one that is missing, forbidden or without a leader hides no other. */
export async function describeTopics(admin: Admin, topics: readonly string[]): Promise<TopicState[]> {
  return await Promise.all(
    topics.map(async (topic) => {
      const metadata = await unlessAnswered(() => metadataOf(admin, [topic]));
      const partitions = metadata.value?.[0]?.partitions ?? [];
      const state = {
        ...{ topic, partitions: partitions.length, settings: new Map<string, string>() },
        replicas: partitions.length === 0 ? 0 : Math.min(...partitions.map(({ replicas }) => replicas.length)),
        underReplicated: partitions.filter(({ isr, replicas }) => isr.length < replicas.length).length,
      };
      if (metadata.answer) return { ...state, unreadable: metadata.answer };
      // Another right than that for the metadata.
      const settings = await unlessAnswered(() => settingsOf(admin, topic));
      return settings.answer
        ? { ...state, settingsUnreadable: settings.answer }
        : { ...state, settings: settings.value ?? state.settings };
    }),
  );
}

async function settingsOf(admin: Admin, topic: string): Promise<Map<string, string>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  });
  const entries = resources[0]?.configEntries ?? [];
  return new Map(entries.map(({ configName, configValue }) => [configName, configValue]));
}

/** What `ask` finds, or the broker's answer that tells why this topic is not to be read. */
async function unlessAnswered<T>(ask: () => Promise<T>): Promise<{ value?: T; answer?: string }> {
  try {
    return { value: await ask() };
  } catch (error) {
    const answer = answerIn(error);
    if (!answer) throw error;
    return { answer };
  }
}

const ABOUT_TOPIC = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'INVALID_TOPIC_EXCEPTION',
  'LEADER_NOT_AVAILABLE',
]);

/** The broker's answer about a topic in an error of KafkaJS. */
function answerIn(error: unknown): string | undefined {
  for (const cause of withCauses(error))
    if ('type' in cause && ABOUT_TOPIC.has(String(cause.type))) return String(cause.type);
  return undefined;
}
