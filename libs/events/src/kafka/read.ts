import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, Kafka } from 'kafkajs';
import type { IncomingRecord } from '../broker.ts';
import { systemClock } from '../clock.ts';
import type { EventLogger } from '../log.ts';
import { untilLed } from './leaders.ts';
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
 * Without a sign of progress for this long, a reading fails, ms: a partition may be unreadable, or end with a
 * transaction that is still open. The broker ends such a transaction after a minute by default.
 */
const STALLED_MS = 90_000;

/**
 * Reads through a temporary group, because KafkaJS fetches only for a group. It commits nothing and is deleted after.
 *
 * A range may end with offsets that are no records: the markers of transactions, and the records of aborted ones. Some
 * mirrors and repair tools write with transactions. KafkaJS passes over them, and hands no batch over if there is
 * nothing else in it; so a range is at its end when KafkaJS has passed it.
 */
export async function readRanges(
  { kafka, admin, logger }: { readonly kafka: Kafka; readonly admin: Admin; readonly logger: EventLogger },
  ranges: readonly RecordRange[],
  each: (records: readonly IncomingRecord[]) => Promise<void>,
): Promise<void> {
  const left = new Map(ranges.filter((range) => range.from < range.to).map((range) => [nameOf(range), range]));
  if (left.size === 0) return;
  // A later attempt goes on with what is left.
  await untilLed({ clock: systemClock, logger }, () => readLeft(kafka, admin, left, each));
}

/** Reads what is left, and takes from `left` what it has read. */
// One function: its listeners and the batches share what is left to read.
async function readLeft(
  kafka: Kafka,
  admin: Admin,
  left: Map<string, RecordRange>,
  each: (records: readonly IncomingRecord[]) => Promise<void>,
): Promise<void> {
  const groupId = `read-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 50, minBytes: 1, allowAutoTopicCreation: false });
  const done = Promise.withResolvers<void>();
  let failed = false;
  let progressAt = performance.now();
  /** Batches in the hands of `each`, which may take as long as it wants. */
  let handling = 0;

  /** Notes that the partition was passed up to, not including, `next`. */
  function passed(at: { readonly topic: string; readonly partition: number }, next: bigint): void {
    const range = left.get(nameOf(at));
    if (!range) return;
    progressAt = performance.now();
    if (next < range.to) left.set(nameOf(at), { ...range, from: next });
    else {
      left.delete(nameOf(at));
      consumer.pause([{ topic: at.topic, partitions: [at.partition] }]);
    }
    if (left.size === 0) done.resolve();
  }

  const { GROUP_JOIN, CRASH, END_BATCH_PROCESS } = consumer.events;
  consumer.on(END_BATCH_PROCESS, ({ payload }) => {
    // Only markers and aborted records: `eachBatch` was not called.
    if (payload.batchSize === 0) passed(payload, BigInt(payload.lastOffset) + 1n);
  });
  const watch = setInterval(() => {
    if (handling === 0 && performance.now() - progressAt > STALLED_MS) done.reject(new Error(describeStall(left)));
  }, STALLED_MS / 30);
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
        handling += 1;
        const pulse = setInterval(() => void heartbeat().catch(() => {}), HEARTBEAT_MS);
        try {
          if (records.length > 0) await each(records);
        } catch (error) {
          failed = true;
          done.reject(error);
          return;
        } finally {
          clearInterval(pulse);
          handling -= 1;
        }
        // The last offset, which may be a marker behind the last record.
        passed(batch, BigInt(batch.lastOffset()) + 1n);
      },
    });
    await done.promise;
  } finally {
    clearInterval(watch);
    await consumer.disconnect().catch(() => {});
    await admin.deleteGroups([groupId]).catch(() => {});
  }
}

function describeStall(left: ReadonlyMap<string, RecordRange>): string {
  const ranges = [...left.values()].map((range) => `${nameOf(range)} from ${range.from} to ${range.to}`);
  return `reading stands still for ${STALLED_MS / 1_000} s at ${ranges.join(', ')}: is a transaction open there?`;
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
