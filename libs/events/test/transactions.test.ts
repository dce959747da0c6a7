import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafkaAdmin, type KafkaAdmin, silentLogger, singleCopy } from '../src/index.ts';
import { createClient } from '../src/kafka/index.ts';
import { type Bench, eventually, openBench } from './support.ts';

let bench: Bench;
let admin: KafkaAdmin;
let kafka: ReturnType<typeof createClient>;
type Producer = ReturnType<typeof kafka.producer>;

beforeAll(async () => {
  bench = await openBench();
  const brokers = (bench.stack.env.KAFKA_BROKERS ?? '').split(',');
  admin = await createKafkaAdmin({ brokers });
  kafka = createClient({ brokers, clientId: 'test', logger: silentLogger });
});
afterAll(async () => {
  await admin.close();
  await bench.close();
});

/** A transactional producer, as a mirror or a repair tool may be. */
async function withProducer(work: (producer: Producer) => Promise<void>): Promise<void> {
  const producer = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1, idempotent: true });
  await producer.connect();
  await work(producer).finally(() => producer.disconnect());
}

async function write(producer: Producer, topic: string, values: readonly string[], end: 'commit' | 'abort') {
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: values.map((value) => ({ key: 'k', value })) });
  await transaction[end]();
}

/**
 * A topic of one partition with these transactions, each with its marker at its end. The broker writes the marker after
 * it has confirmed the end of the transaction, and no offset behind it is told before.
 */
async function topicWith(...transactions: (readonly [values: readonly string[], end: 'commit' | 'abort'])[]) {
  const topic = `transactions-${randomUUID()}`;
  await admin.createTopics([topic], singleCopy(1));
  await withProducer(async (producer) => {
    for (const [values, end] of transactions) await write(producer, topic, values, end);
  });
  const end = transactions.reduce((sum, [values]) => sum + values.length + 1, 0);
  await eventually('the markers to be written', async () => (await admin.ranges([topic]))[0]?.to === BigInt(end));
  return topic;
}

const cases: [what: string, transactions: Parameters<typeof topicWith>, values: string[]][] = [
  ['a committed transaction', [[['a', 'b'], 'commit']], ['a', 'b']],
  [
    'an aborted transaction behind a committed one',
    [
      [['a'], 'commit'],
      [['x', 'y'], 'abort'],
    ],
    ['a'],
  ],
  [
    'nothing but aborted transactions',
    [
      [['x'], 'abort'],
      [['y'], 'abort'],
    ],
    [],
  ],
];

describe.each(cases)('a partition that ends with %s', (_, transactions, values) => {
  it('when it is read to its end, then the reading ends, with the committed records alone', async () => {
    const topic = await topicWith(...transactions);
    const ranges = await admin.ranges([topic]);
    const read: string[] = [];
    await admin.read(ranges, ({ value }) => void read.push(String(value)));
    expect(read).toEqual(values);
    const again: string[] = [];
    const [range] = ranges;
    if (!range) throw new Error('no partition');
    // A replay that goes on behind its last batch: there are markers alone.
    await admin.read([{ ...range, from: range.to - 1n }], ({ value }) => void again.push(String(value)));
    expect(again).toEqual([]);
  });

  it('when a group consumes it, then its committed offset comes to the end, and it does not look behind', async () => {
    const topic = await topicWith(...transactions);
    const groupId = `transactions-${randomUUID()}`;
    const consumed: string[] = [];
    const consumer = await bench.connect().consume({
      ...{ groupId, topics: [topic], fromBeginning: true },
      onBatch: async ({ records }) => void consumed.push(...records.map(({ value }) => String(value))),
    });
    const [range] = await admin.ranges([topic]);
    await eventually('the group to be at the end', async () => {
      const [committed] = await admin.committed(groupId, [topic]);
      return committed?.offset === String(range?.to);
    });
    expect(consumed).toEqual(values);
    await consumer.stop();
  });
});
