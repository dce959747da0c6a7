import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Broker, createKafkaBroker, silentLogger, singleCopy } from '../src/index.ts';
import { eventually, testStack } from './support.ts';

let broker: Broker;
let topic: string;

beforeEach(async () => {
  const brokers = (testStack().env.KAFKA_BROKERS ?? '').split(',');
  broker = createKafkaBroker({ brokers, clientId: 'patience', logger: silentLogger });
  topic = `patience-${randomUUID()}`;
  await broker.ensureTopics([topic], singleCopy(6));
});
afterEach(() => broker.close());

/** A consumer that notes how many records each of its batches had. */
async function consume(patienceMs?: number) {
  const sizes: number[] = [];
  const onBatch = async ({ records }: { records: readonly unknown[] }) => void sizes.push(records.length);
  const groupId = randomUUID();
  const consumer = await broker.consume({ groupId, topics: [topic], fromBeginning: true, patienceMs, onBatch });
  await consumer.ready();
  return { sizes, consumer, all: () => sizes.reduce((sum, size) => sum + size, 0) };
}

it('when a group is patient, then records that come one by one are handled together', async () => {
  const { sizes, all } = await consume(500);
  const begun = performance.now();
  for (let n = 0; n < 40; n += 1)
    await broker.send([{ topic, key: 'one', value: Buffer.from(String(n)), headers: {} }]);
  await eventually('40 records', () => all() === 40);
  // True on slow machines too: a fetch that does not fill up is answered no sooner than after the patience.
  expect(sizes.length).toBeLessThanOrEqual((performance.now() - begun) / 500 + 2);
});

it('when a group is patient for a minute, then its stop does not wait a minute', async () => {
  const { consumer, all } = await consume(60_000);
  // Once a record has come, the fetch for the next is out.
  await broker.send([{ topic, key: 'one', value: Buffer.from('1'), headers: {} }]);
  await eventually('the record', () => all() === 1);
  const before = performance.now();
  await consumer.stop();
  // An unresponsive client is abandoned after five seconds.
  expect(performance.now() - before).toBeLessThan(4_000);
});
