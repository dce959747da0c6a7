import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, Kafka } from 'kafkajs';
import type { IncomingRecord } from '../broker.ts';
import { toRecord } from './records.ts';

/** Part of a partition's log: from offset `from` up to, not including, `to`. */
export interface RecordRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** How often the membership is kept alive while a run is handled, ms. KafkaJS does not do it meanwhile. */
const HEARTBEAT_MS = 2_000;

/**
 * Reads through a temporary group, because KafkaJS fetches only for a group. It commits nothing and is deleted after.
 */
export async function readRanges(
  kafka: Kafka,
  admin: Admin,
  ranges: readonly RecordRange[],
  each: (records: readonly IncomingRecord[]) => Promise<void>,
): Promise<void> {
  const left = new Map(ranges.filter((range) => range.from < range.to).map((range) => [nameOf(range), range]));
  if (left.size === 0) return;
  const groupId = `read-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, minBytes: 1, allowAutoTopicCreation: false });
  const done = Promise.withResolvers<void>();
  let failed = false;
  const { GROUP_JOIN, CRASH } = consumer.events;
  consumer.on(CRASH, ({ payload }) => done.reject(payload.error));
  consumer.on(GROUP_JOIN, ({ payload }) => seekAll(consumer, payload.memberAssignment, left));
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...new Set([...left.values()].map((it) => it.topic))], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch, heartbeat }) => {
        const { topic, partition, messages } = batch;
        const range = left.get(nameOf(batch));
        if (!range || failed) return;
        const records = messages
          .map((message) => toRecord(topic, partition, message))
          .filter(({ offset }) => BigInt(offset) >= range.from && BigInt(offset) < range.to);
        const pulse = setInterval(() => void heartbeat().catch(() => {}), HEARTBEAT_MS);
        try {
          if (records.length > 0) await each(records);
        } catch (error) {
          failed = true;
          done.reject(error);
          return;
        } finally {
          clearInterval(pulse);
        }
        const next = BigInt(messages.at(-1)?.offset ?? batch.lastOffset()) + 1n;
        if (next < range.to) left.set(nameOf(batch), { ...range, from: next });
        else {
          left.delete(nameOf(batch));
          consumer.pause([{ topic, partitions: [partition] }]);
        }
        if (left.size === 0) done.resolve();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect().catch(() => {});
    await admin.deleteGroups([groupId]).catch(() => {});
  }
}

function seekAll(consumer: Consumer, assignment: Record<string, number[]>, left: ReadonlyMap<string, RecordRange>) {
  for (const [topic, partitions] of Object.entries(assignment)) {
    for (const partition of partitions) {
      const range = left.get(nameOf({ topic, partition }));
      if (range) consumer.seek({ topic, partition, offset: range.from.toString() });
      else consumer.pause([{ topic, partitions: [partition] }]);
    }
  }
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}/${partition}`;
}
