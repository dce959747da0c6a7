import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type Broker,
  createKafkaAdmin,
  lostAmong,
  noMetrics,
  type OutgoingRecord,
  silentLogger,
  singleCopy,
} from '../src/index.ts';
import { createClient, createKafkaBroker } from '../src/kafka/index.ts';
import { eventually, testStack } from './support.ts';

const brokers = (testStack().env.KAFKA_BROKERS ?? '').split(',');
const open: Broker[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((broker) => broker.close()));
});

function connect(onHalt: (halted: boolean) => void): Broker {
  const metrics = { ...noMetrics, groupHalted: (_: string, halted: boolean) => onHalt(halted) };
  const broker = createKafkaBroker({ brokers, clientId: 'lost-offsets', logger: silentLogger, metrics });
  open.push(broker);
  return broker;
}

const records = (topic: string, count: number): OutgoingRecord[] =>
  Array.from({ length: count }, (_, n) => ({ topic, key: 'k', value: Buffer.from(String(n)), headers: {} }));

/** Deletes the log's beginning, as retention does. */
async function trim(topic: string, offset: number): Promise<void> {
  const admin = createClient({ brokers, clientId: 'retention', logger: silentLogger }).admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  const partitions = ends
    .filter((end) => end.high !== '0')
    .map(({ partition }) => ({ partition, offset: String(offset) }));
  await admin.deleteTopicRecords({ topic, partitions });
  await admin.disconnect();
}

describe('a group whose place in the log is gone', () => {
  it("when the log no longer holds the group's offset, then the group halts and alerts instead of continuing elsewhere", async () => {
    const topic = `lost-${randomUUID()}`;
    const groupId = `group-${topic}`;
    let halted = false;
    const seen: string[] = [];
    const consume = async (broker: Broker) =>
      broker.consume({
        groupId,
        topics: [topic],
        fromBeginning: true,
        onBatch: async (batch) => void seen.push(...batch.records.map((record) => record.offset)),
      });
    const first = connect(() => {});
    await first.ensureTopics([topic], singleCopy(6));
    await first.send(records(topic, 3));
    const consumer = await consume(first);
    await eventually('three records', () => seen.length === 3);
    await consumer.stop();

    await first.send(records(topic, 7));
    await trim(topic, 8);
    await consume(
      connect((now) => {
        halted = now;
      }),
    );
    await eventually('the alert', () => halted);
    expect(seen).toEqual(['0', '1', '2']);
  });

  it("when a known group's offsets are gone and the log's beginning too, then it halts until it is given a place", async () => {
    const topic = `gone-${randomUUID()}`;
    const groupId = `group-${topic}`;
    let halted = false;
    const seen: string[] = [];
    const broker = connect((now) => {
      halted = now;
    });
    await broker.ensureTopics([topic], singleCopy(6));
    await broker.send(records(topic, 5));
    await trim(topic, 3);
    const consumer = await broker.consume({
      groupId,
      topics: [topic],
      fromBeginning: true,
      isKnown: async () => true,
      onBatch: async (batch) => void seen.push(...batch.records.map((record) => record.offset)),
    });
    await eventually('the alert', () => halted);
    expect(seen).toEqual([]);

    const admin = await createKafkaAdmin({ brokers });
    try {
      const lost = lostAmong(await admin.places(groupId, [topic]), true);
      expect(lost.map(({ low, high, next }) => [low, high, next])).toEqual([[3n, 5n, 3n]]);
      const place = () =>
        admin.place(
          groupId,
          lost.map(({ next, ...at }) => ({ ...at, offset: next })),
        );
      await place();
      await consumer.ready();
      await eventually('what is left', () => seen.length === 2);
      expect([seen, halted]).toEqual([['3', '4'], false]);
      // A group that is at work is never moved.
      await expect(place()).rejects.toThrow(/not aware of this member|group/i);
    } finally {
      await admin.close();
    }
  });

  it('when a group has read nothing of a partition whose beginning is gone, then its next start goes on', async () => {
    const topic = `quiet-${randomUUID()}`;
    const groupId = `group-${topic}`;
    const first = connect(() => {});
    await first.ensureTopics([topic], singleCopy(6));
    const other = (records: OutgoingRecord[]) => records.map((record) => ({ ...record, key: 'another' }));
    await first.send(other(records(topic, 3)));
    await trim(topic, 3);
    await first.send(records(topic, 2));
    const seen: string[] = [];
    const halts: boolean[] = [];
    const consume = (broker: Broker) =>
      broker.consume({
        ...{ groupId, topics: [topic], fromBeginning: true },
        isKnown: async () => seen.length > 0,
        onBatch: async (batch) => void seen.push(...batch.records.map((record) => String(record.value))),
      });
    const consumer = await consume(first);
    await eventually('what is there', () => seen.length === 2);
    const admin = await createKafkaAdmin({ brokers });
    try {
      await eventually('each partition to have a place', async () =>
        (await admin.committed(groupId, [topic])).every(({ offset }) => offset !== undefined),
      );
    } finally {
      await admin.close();
    }
    await consumer.stop();

    const second = connect((halted) => halts.push(halted));
    const next = await consume(second);
    await next.ready();
    await second.send(other(records(topic, 1)));
    await eventually('the next record of the quiet partition', () => seen.length === 3);
    expect(halts).not.toContain(true);
  });

  it("when a known group's offsets are gone but the log holds all it ever held, then it starts at the beginning", async () => {
    const topic = `whole-${randomUUID()}`;
    const broker = connect(() => {});
    await broker.ensureTopics([topic], singleCopy(6));
    await broker.send(records(topic, 2));
    const seen: string[] = [];
    await broker.consume({
      groupId: `group-${topic}`,
      topics: [topic],
      fromBeginning: true,
      isKnown: async () => true,
      onBatch: async (batch) => void seen.push(...batch.records.map((record) => record.offset)),
    });
    await eventually('all of it', () => seen.length === 2);
  });

  it('when the group has no offset yet, then it starts where the log begins', async () => {
    const topic = `trimmed-${randomUUID()}`;
    const broker = connect(() => {});
    await broker.ensureTopics([topic], singleCopy(6));
    await broker.send(records(topic, 5));
    await trim(topic, 3);
    const seen: string[] = [];
    await broker.consume({
      groupId: `group-${topic}`,
      topics: [topic],
      fromBeginning: true,
      onBatch: async (batch) => void seen.push(...batch.records.map((record) => record.offset)),
    });
    await eventually('what is left', () => seen.length === 2);
    expect(seen).toEqual(['3', '4']);
  });
});
