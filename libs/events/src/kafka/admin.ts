import type { KafkaSecurity } from '@shop/chassis';
import kafkajs, { type Admin } from 'kafkajs';
import type { IncomingRecord } from '../broker.ts';
import { systemClock } from '../clock.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import type { TopicPlan } from '../topic-plan.ts';
import { administer, createClient, inWords } from './client.ts';
import { untilLed } from './leaders.ts';
import {
  type CommittedOffset,
  committedOffsets,
  goneSince,
  heldSince,
  logRanges,
  offsetsSince,
  retentionMs,
} from './offsets.ts';
import { commitFor, type GroupPlace, groupPlaces, type NewPlace } from './places.ts';
import { type RecordRange, readRanges } from './read.ts';
import { createMissingTopics, describeTopics, type TopicState } from './topics.ts';

export type { RecordRange } from './read.ts';

/**
 * Queries to Kafka for operators' tools and tests. It joins no group, and changes nothing but topics and the place of a
 * group without members.
 */
export interface KafkaAdmin {
  topics(): Promise<string[]>;
  /** Partitions and settings of these topics, or why they cannot be read. */
  describeTopics(topics: readonly string[]): Promise<TopicState[]>;
  /** Creates those that are missing, as the services do when they start. @returns the missing ones */
  createTopics(topics: readonly string[], plan: TopicPlan): Promise<string[]>;
  /** The number of brokers that are there. */
  brokers(): Promise<number>;
  /**
   * The records that each partition holds now: all, or from the first record at or after `since`. `low` is the first
   * offset held.
   */
  ranges(topics: readonly string[], since?: Date): Promise<(RecordRange & { readonly low: bigint })[]>;
  /** The group's committed offsets; `offset` is undefined where it never committed. */
  committed(groupId: string, topics: readonly string[]): Promise<CommittedOffset[]>;
  /** Every record of the ranges, each partition in its order. */
  read(ranges: readonly RecordRange[], each: (record: IncomingRecord) => void): Promise<void>;
  /**
   * Like `read`, in runs of one partition's consecutive records; no run is empty. The next run waits until `each` has
   * resolved, however long that takes. Rejects when `each` rejects, with the same error.
   */
  readRuns(ranges: readonly RecordRange[], each: (records: readonly IncomingRecord[]) => Promise<void>): Promise<void>;
  /** Partitions that may have held records from `since` on which retention has removed, each in words. */
  goneSince(topics: readonly string[], since: Date): Promise<string[]>;
  /**
   * The time since which the topics hold everything, to the hour; undefined: since their beginning. In the future when
   * all records are gone.
   */
  heldSince(topics: readonly string[]): Promise<Date | undefined>;
  /** How long the broker keeps a topic's records, ms; 0 where it also removes them by size. */
  retentionMs(topic: string): Promise<number>;
  /** Gives settings to a topic; its other settings stay. */
  configure(topic: string, settings: Readonly<Record<string, string>>): Promise<void>;
  /** Members of a group by client id; empty when nobody has joined. */
  members(groupId: string): Promise<string[]>;
  /** Where the group stands in each partition of these topics. */
  places(groupId: string, topics: readonly string[]): Promise<GroupPlace[]>;
  /** Lets a group without members go on from these offsets. Rejects while a member has joined. */
  place(groupId: string, places: readonly NewPlace[]): Promise<void>;
  close(): Promise<void>;
}

/** Connects at once; rejects when no broker answers, or none lets this process in. */
export async function createKafkaAdmin(options: {
  readonly brokers: readonly string[];
  readonly security?: KafkaSecurity | undefined;
  readonly clientId?: string;
  readonly logger?: EventLogger;
}): Promise<KafkaAdmin> {
  const { brokers, security, clientId = 'admin', logger = silentLogger } = options;
  const kafka = createClient({ brokers, security, clientId, logger });
  const retry = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 };
  const admin = kafka.admin({ retry });
  await admin.connect().catch((error: unknown) => {
    throw inWords(brokers, error);
  });

  /**
   * Asks the leaders of partitions. Each later attempt uses a new connection, because only a new one learns the present
   * leaders.
   */
  function askLeaders<T>(ask: (client: Admin) => Promise<T>): Promise<T> {
    return untilLed({ clock: systemClock, logger }, (attempt) =>
      attempt === 0 ? ask(admin) : administer(kafka, retry, ask),
    );
  }

  return {
    topics: () => admin.listTopics(),
    describeTopics: (topics) => describeTopics(admin, topics),
    createTopics: (topics, plan) => createMissingTopics(admin, topics, plan),
    brokers: async () => (await admin.describeCluster()).brokers.length,

    async ranges(topics, since) {
      const ranges = await Promise.all(topics.map((topic) => askLeaders((client) => rangesOf(client, topic, since))));
      return ranges.flat();
    },

    committed: (groupId, topics) => askLeaders((client) => committedOffsets(client, groupId, topics)),

    read: (ranges, each) => readRanges({ kafka, admin, logger }, ranges, async (records) => records.forEach(each)),
    readRuns: (ranges, each) => readRanges({ kafka, admin, logger }, ranges, each),
    goneSince: (topics, since) => askLeaders((client) => goneSince(client, topics, since, Date.now())),
    heldSince(topics) {
      const gone = (since: Date) => askLeaders((client) => goneSince(client, topics, since, Date.now()));
      return heldSince(gone, Date.now());
    },

    retentionMs: (topic) => retentionMs(admin, topic),
    configure: (topic, settings) => configure(admin, topic, settings),

    async members(groupId) {
      const { groups } = await admin.describeGroups([groupId]);
      return groups.flatMap((group) => group.members.map((member) => member.clientId));
    },

    places: (groupId, topics) => askLeaders((client) => groupPlaces(client, groupId, topics, Date.now())),
    place: (groupId, places) => commitFor(kafka, groupId, places),
    close: () => admin.disconnect(),
  };
}

async function rangesOf(admin: Admin, topic: string, since: Date | undefined) {
  const all = await logRanges(admin, topic);
  const starts = since ? await offsetsSince(admin, topic, since.getTime()) : [];
  return all.map(({ partition, low, high }) => {
    const start = starts.find((entry) => entry.partition === partition)?.offset;
    return { topic, partition, low: BigInt(low), from: BigInt(start ?? low), to: BigInt(high) };
  });
}

/** Kafka's answer for a setting that the topic itself has, neither the broker's nor a default. */
const TOPIC_SOURCE = 1;

async function configure(admin: Admin, name: string, settings: Readonly<Record<string, string>>): Promise<void> {
  const type = kafkajs.ConfigResourceTypes.TOPIC;
  const described = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type, name }] });
  const own = (described.resources[0]?.configEntries ?? []).filter(
    (entry) => Number(entry.configSource) === TOPIC_SOURCE,
  );
  // The request replaces all: what it leaves out falls back to the broker's.
  const merged = { ...Object.fromEntries(own.map((entry) => [entry.configName, entry.configValue])), ...settings };
  const configEntries = Object.entries(merged).map(([key, value]) => ({ name: key, value }));
  await admin.alterConfigs({ validateOnly: false, resources: [{ type, name, configEntries }] });
}
