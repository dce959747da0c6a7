import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger, loadConfig, serviceConfig } from '@shop/chassis';
import { z } from 'zod';
import {
  createKafkaAdmin,
  createKafkaBroker,
  createMessaging,
  type KafkaAdmin,
  silentLogger,
  singleCopy,
} from '../src/index.ts';
import { createClient } from '../src/kafka/index.ts';
import { orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench } from './support.ts';

let bench: Bench;
let admin: KafkaAdmin;
let brokers: string[];

beforeAll(async () => {
  bench = await openBench();
  brokers = (bench.stack.env.KAFKA_BROKERS ?? '').split(',');
  admin = await createKafkaAdmin({ brokers });
});
afterAll(async () => {
  await admin.close();
  await bench.close();
});

async function grow(topic: string, count: number): Promise<void> {
  const client = createClient({ brokers, clientId: 'test', logger: silentLogger }).admin();
  await client.connect();
  await client.createPartitions({ topicPartitions: [{ topic, count }] }).finally(() => client.disconnect());
}

async function newTopic(partitions: number): Promise<string> {
  const topic = `partitions-${randomUUID()}`;
  await admin.createTopics([topic], singleCopy(partitions));
  return topic;
}

describe('a topic with other partitions than expected', () => {
  it('when it has more, then a start warns, names the guide and goes on; when it has fewer, then it ends', async () => {
    const topic = await newTopic(2);
    await grow(topic, 3);
    const warnings: object[] = [];
    const said: string[] = [];
    const warn = (details: object, message: string) => {
      warnings.push(details);
      said.push(message);
    };
    const logger = { debug: () => {}, info: () => {}, warn, error: () => {} };
    const broker = createKafkaBroker({ brokers, clientId: 'test', logger });
    await broker.ensureTopics([topic], singleCopy(2));
    expect(warnings).toEqual([{ topic, partitions: 3, expected: 2 }]);
    expect(said).toEqual([expect.stringContaining('docs/guides/change-partitions.md')]);
    await expect(broker.ensureTopics([topic], singleCopy(4))).rejects.toThrow(
      `${topic} has 3 partitions, and must have 4 (KAFKA_PARTITIONS)`,
    );
    await broker.close();
  });

  it('when a topic has one copy, then a start that asks for three ends with the reason, and one that accepts one goes on', async () => {
    const topic = await newTopic(2);
    const broker = createKafkaBroker({ brokers, clientId: 'test', logger: silentLogger });
    await broker.ensureTopics([topic], singleCopy(2));
    await expect(broker.ensureTopics([topic], { partitions: 2, replicas: 3, minInSync: 2 })).rejects.toThrow(
      /it has 1 replicas, and must have 3 .*KAFKA_DURABILITY=single/,
    );
    await broker.close();
  });

  it('when a start is refused, then what waits in the outbox is not published', async () => {
    await bench.publish(orderCreated(newOrderId()));
    const refused = Promise.withResolvers<number | undefined>();
    const messaging = createMessaging({
      ...{ service: 'test', database: bench.database, logger: createLogger({ service: 'test', level: 'silent' }) },
      config: loadConfig(z.object(serviceConfig), {
        ...bench.stack.env,
        ...{ PORT: '0', INTERNAL_KEYS: 'k:0123456789abcdef0123456789abcdef', DATABASE_URL: 'mysql://u:p@127.0.0.1/s' },
        KAFKA_PARTITIONS: '24',
      }),
      shutdown: { onStop: () => {}, stop: async (_reason, code) => refused.resolve(code) },
    });
    expect(await refused.promise).toBe(1);
    // Before it ends, a relay sends what it can.
    await messaging.stop();
    expect(await bench.store.readOutbox(10)).toHaveLength(1);
  });

  it('when partitions are added while groups consume, then applying and waking groups read the new ones from their beginning', async () => {
    const topic = await newTopic(1);
    const heard = { applies: [] as string[], wakes: [] as string[] };
    const consume = (groupId: string, fromBeginning: boolean, into: string[]) =>
      bench.connect().consume({
        ...{ groupId: `${groupId}-${randomUUID()}`, topics: [topic], fromBeginning },
        onBatch: async ({ records }) => void into.push(...records.map(({ key }) => key ?? '')),
      });
    const consumers = [await consume('applies', true, heard.applies), await consume('wakes', false, heard.wakes)];
    await Promise.all(consumers.map((consumer) => consumer.ready()));
    await grow(topic, 4);
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    const record = (key: string) => ({ topic, key, value: Buffer.from(key), headers: {} });
    // A new client knows of all four partitions, as a service that was just started.
    await bench.connect().send(keys.map(record));
    await eventually('both groups to have all', () => heard.applies.length >= 40 && heard.wakes.length >= 40, {
      withinMs: 40_000,
    });
    expect([new Set(heard.applies).size, new Set(heard.wakes).size]).toEqual([40, 40]);
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  }, 60_000);
});
