import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Broker, createKafkaBroker, silentLogger } from '../src/index.ts';
import { eventually, testStack } from './support.ts';

let broker: Broker;
let topic: string;

beforeEach(async () => {
  const brokers = (testStack().env.KAFKA_BROKERS ?? '').split(',');
  broker = createKafkaBroker({ brokers, clientId: 'patience', logger: silentLogger });
  topic = `patience-${randomUUID()}`;
  await broker.ensureTopics([topic], 6);
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

it('when a group is patient, then what comes one by one is handled together', async () => {
  const patient = await consume(500);
  const usual = await consume();
  for (let n = 0; n < 40; n += 1)
    await broker.send([{ topic, key: 'one', value: Buffer.from(String(n)), headers: {} }]);
  await eventually('40 records for both', () => patient.all() === 40 && usual.all() === 40);
  // Whoever looks at once gets each of them nearly alone; how quickly they come depends on the machine.
  expect(patient.sizes.length).toBeLessThan(usual.sizes.length);
  expect(Math.max(...patient.sizes)).toBeGreaterThan(Math.max(...usual.sizes));
});

it('when a group is patient for a minute, then its stop does not wait for that', async () => {
  const { consumer } = await consume(60_000);
  const before = performance.now();
  await consumer.stop();
  // A client that has to be left behind is given up after five seconds.
  expect(performance.now() - before).toBeLessThan(4_000);
});
