import { randomUUID } from 'node:crypto';
import type { Admin, Kafka } from 'kafkajs';
import type { IncomingRecord } from '../broker.ts';
import { type Logger, silentLogger } from '../runtime.ts';
import { createClient } from './client.ts';
import { type CommittedOffset, committedOffsets, logRanges } from './offsets.ts';
import { toRecord } from './records.ts';

/** Part of a partition's log: from offset `from` up to, not including, `to`. */
export interface RecordRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** What operators' tools and tests ask Kafka. It belongs to no group and changes nothing. */
export interface KafkaAdmin {
  topics(): Promise<string[]>;
  /** What each partition holds now: all of it, or from the first record at or after `since`. `low` is the first offset held. */
  ranges(topics: readonly string[], since?: Date): Promise<(RecordRange & { readonly low: bigint })[]>;
  /** Where a group goes on; `offset` is undefined where it never committed. */
  committed(groupId: string, topics: readonly string[]): Promise<CommittedOffset[]>;
  /** Every record of the ranges, each partition in its order. */
  read(ranges: readonly RecordRange[], each: (record: IncomingRecord) => void): Promise<void>;
  /** Members of a group by client id; empty when nobody has joined. */
  members(groupId: string): Promise<string[]>;
  close(): Promise<void>;
}

/** Connects at once; rejects when no broker answers. */
export async function createKafkaAdmin(options: {
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly logger?: Logger;
}): Promise<KafkaAdmin> {
  const { brokers, clientId = 'admin', logger = silentLogger } = options;
  const kafka = createClient({ brokers, clientId, logger });
  const admin = kafka.admin({ retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 } });
  await admin.connect();
  return {
    topics: () => admin.listTopics(),

    async ranges(topics, since) {
      const ranges = await Promise.all(topics.map((topic) => rangesOf(admin, topic, since)));
      return ranges.flat();
    },

    committed: (groupId, topics) => committedOffsets(admin, groupId, topics),

    async read(ranges, each) {
      const wanted = ranges.filter((range) => range.from < range.to);
      if (wanted.length > 0) await readRanges(kafka, admin, wanted, each);
    },

    async members(groupId) {
      const { groups } = await admin.describeGroups([groupId]);
      return groups.flatMap((group) => group.members.map((member) => member.clientId));
    },

    close: () => admin.disconnect(),
  };
}

async function rangesOf(admin: Admin, topic: string, since: Date | undefined) {
  const all = await logRanges(admin, topic);
  const starts = since ? await admin.fetchTopicOffsetsByTimestamp(topic, since.getTime()) : [];
  return all.map(({ partition, low, high }) => {
    const start = starts.find((entry) => entry.partition === partition)?.offset;
    return { topic, partition, low: BigInt(low), from: BigInt(start ?? low), to: BigInt(high) };
  });
}

/** KafkaJS fetches only for a group: one of its own, which commits nothing and is deleted afterwards. */
async function readRanges(
  kafka: Kafka,
  admin: Admin,
  ranges: readonly RecordRange[],
  each: (record: IncomingRecord) => void,
): Promise<void> {
  const groupId = `read-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, minBytes: 1, allowAutoTopicCreation: false });
  const left = new Map(ranges.map((range) => [`${range.topic}/${range.partition}`, range]));
  const done = Promise.withResolvers<void>();
  const { GROUP_JOIN, CRASH } = consumer.events;
  consumer.on(CRASH, ({ payload }) => done.reject(payload.error));
  consumer.on(GROUP_JOIN, ({ payload }) => {
    for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
      for (const partition of partitions) {
        const range = left.get(`${topic}/${partition}`);
        if (range) consumer.seek({ topic, partition, offset: range.from.toString() });
        else consumer.pause([{ topic, partitions: [partition] }]);
      }
    }
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...new Set(ranges.map((range) => range.topic))], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => {
        const { topic, partition, messages } = batch;
        const range = left.get(`${topic}/${partition}`);
        if (!range) return;
        for (const message of messages) {
          const offset = BigInt(message.offset);
          if (offset >= range.from && offset < range.to) each(toRecord(topic, partition, message));
        }
        const next = BigInt(messages.at(-1)?.offset ?? batch.lastOffset()) + 1n;
        if (next >= range.to) left.delete(`${topic}/${partition}`);
        else left.set(`${topic}/${partition}`, { ...range, from: next });
        if (left.size === 0) done.resolve();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect().catch(() => {});
    await admin.deleteGroups([groupId]).catch(() => {});
  }
}
