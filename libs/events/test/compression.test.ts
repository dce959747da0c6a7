import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  type Broker,
  createKafkaAdmin,
  createKafkaBroker,
  type KafkaAdmin,
  silentLogger,
  singleCopy,
  TOPIC_SETTINGS,
} from '../src/index.ts';
import { eventually, testStack } from './support.ts';

/** What a topic's operator may set, and what the shop expects last. */
const COMPRESSIONS = ['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed', 'producer'];
const brokers = (testStack().env.KAFKA_BROKERS ?? '').split(',');
const topic = `compressed-${randomUUID()}`;

let broker: Broker;
let operator: KafkaAdmin;

beforeAll(async () => {
  broker = createKafkaBroker({ brokers, clientId: 'compression', logger: silentLogger });
  await broker.ensureTopics([topic], singleCopy(6));
  operator = await createKafkaAdmin({ brokers });
});
afterAll(() => Promise.all([broker.close(), operator.close()]));

it('when a topic changes its compression while its group reads, then the group and a reader of all get every record', async () => {
  const seen: string[] = [];
  const onBatch = async ({ records }: { records: readonly { value: Buffer | null }[] }) =>
    void seen.push(...records.map(({ value }) => (value ?? '').toString()));
  const consumer = await broker.consume({ groupId: randomUUID(), topics: [topic], fromBeginning: true, onBatch });
  await consumer.ready();

  const sent: string[] = [];
  for (const compression of COMPRESSIONS) {
    await operator.configure(topic, { 'compression.type': compression });
    // Several blocks of 64 kB in one batch.
    const values = Array.from({ length: 60 }, (_, n) => `${compression} ${n} ${'an order of three '.repeat(300)}`);
    await broker.send(values.map((text) => ({ topic, key: 'one', value: Buffer.from(text), headers: { n: 'x' } })));
    sent.push(...values);
    await eventually(`what was sent with ${compression}`, () => seen.length === sent.length);
  }
  expect(seen).toEqual(sent);

  const read: string[] = [];
  await operator.read(await operator.ranges([topic]), (record) => void read.push((record.value ?? '').toString()));
  expect(read).toEqual(sent);
  const [state] = await operator.describeTopics([topic]);
  // What the topic was made with has stayed.
  for (const [name, value] of Object.entries(TOPIC_SETTINGS)) expect(state?.settings.get(name)).toBe(value);
});
