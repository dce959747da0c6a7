import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import type { Kafka } from 'kafkajs';
import type { Clock } from '../clock.ts';
import { OutageError } from '../errors.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { createSender } from './producer.ts';

const require = createRequire(import.meta.url);
const TOPIC = 'order-events';

interface Produced {
  readonly topicData: readonly { partitions: readonly { partition: number; messages: readonly { key: Buffer }[] }[] }[];
}
type ProtocolError = new (error: { type: string; code: number; message: string; retriable: boolean }) => Error;

function protocolError(type: string, retriable: boolean): Error {
  const { KafkaJSProtocolError } = require('kafkajs/src/errors') as { KafkaJSProtocolError: ProtocolError };
  return new KafkaJSProtocolError({ type, code: 0, message: type, retriable });
}

/**
 * KafkaJS's own producer on brokers 1 and 2, which lead two partitions each. In the midst of the first request broker 2
 * hands its partitions over to broker 1, and answers that it does not lead them.
 */
function leaderMoves() {
  const createProducer = require('kafkajs/src/producer') as (options: object) => ReturnType<Kafka['producer']>;
  const log = new Set<string>();
  let known = [1, 2, 1, 2];
  let leaders = known;
  let requests = 0;
  const broker = (nodeId: number) => ({
    nodeId,
    async produce({ topicData }: Produced) {
      requests += 1;
      const partitions = topicData.flatMap((topic) => topic.partitions);
      if (nodeId === 2) leaders = [1, 1, 1, 1];
      if (partitions.some(({ partition }) => leaders[partition] !== nodeId))
        throw protocolError('NOT_LEADER_FOR_PARTITION', true);
      for (const { messages } of partitions) for (const { key } of messages) log.add(String(key));
      return { topics: [{ topicName: TOPIC, partitions: partitions.map(({ partition }) => ({ partition })) }] };
    },
  });
  const brokers = [broker(1), broker(2)];
  const nothing = async () => {};
  const cluster = {
    ...{ retry: {}, connect: nothing, disconnect: nothing, isConnected: () => true, removeBroker() {} },
    ...{ addMultipleTargetTopics: nothing, refreshMetadataIfNecessary: nothing },
    async refreshMetadata() {
      known = leaders;
    },
    findTopicPartitionMetadata: () => known.map((leader, partitionId) => ({ partitionId, leader })),
    findLeaderForPartitions: (_: string, partitions: readonly string[]) =>
      Object.groupBy(partitions.map(Number), (partition) => String(known[partition])),
    findBroker: async ({ nodeId }: { nodeId: string }) => brokers[Number(nodeId) - 1],
  };
  const logger = { debug() {}, info() {}, warn() {}, error() {}, namespace: () => logger };
  const producer = (options: object) => createProducer({ cluster, logger, ...options });
  return { kafka: { producer } as unknown as Kafka, log, requests: () => requests };
}

describe('the sender', () => {
  it('when leaders move while a batch is sent, then all of the batch is sent again, and nothing is lost', async () => {
    const { kafka, log, requests } = leaderMoves();
    const sender = createSender(kafka, createVirtualClock());
    const keys = Array.from({ length: 40 }, (_, index) => `order-${index}`);
    await sender.send(keys.map((key) => ({ topic: TOPIC, key, value: Buffer.from(key), headers: {} })));
    expect(keys.filter((key) => !log.has(key))).toEqual([]);
    // Twice is harmless: ids tell.
    expect(requests()).toBeGreaterThan(2);
    await sender.close();
  });

  it('when the broker will answer the same again, then it is asked once; when it may not, then five times', async () => {
    const asked = async (error: Error) => {
      let count = 0;
      const sendBatch = async () => {
        count += 1;
        throw error;
      };
      const producer = () => ({ connect: async () => {}, disconnect: async () => {}, sendBatch });
      const sender = createSender({ producer } as unknown as Kafka, createVirtualClock());
      await expect(sender.send([{ topic: TOPIC, key: 'k', value: null, headers: {} }])).rejects.toThrow();
      return count;
    };
    expect(await asked(protocolError('MESSAGE_TOO_LARGE', false))).toBe(1);
    expect(await asked(protocolError('NOT_ENOUGH_REPLICAS', true))).toBe(5);
    expect(await asked(new Error('the connection was closed'))).toBe(5);
  });

  it('when no broker can be reached, then the sender gives up at once, since KafkaJS has tried to connect several times', async () => {
    let connects = 0;
    const connect = async () => {
      connects += 1;
      throw new Error('connect ECONNREFUSED');
    };
    const producer = () => ({ connect, disconnect: async () => {}, sendBatch: async () => {} });
    const sender = createSender({ producer } as unknown as Kafka, createVirtualClock());
    await expect(sender.send([{ topic: TOPIC, key: 'k', value: null, headers: {} }])).rejects.toThrow('ECONNREFUSED');
    expect(connects).toBe(1);
  });

  it('when it is closed between two attempts, then it sends no more and says that the broker is away', async () => {
    const clock = createVirtualClock();
    let attempts = 0;
    const sendBatch = async () => {
      attempts += 1;
      throw new Error('the connection was closed');
    };
    const producer = () => ({ connect: async () => {}, disconnect: async () => {}, sendBatch });
    const asleep = Promise.withResolvers<void>();
    // A sleep that only its signal ends.
    const sleep: Clock['sleep'] = async (_ms, signal) => {
      asleep.resolve();
      await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
    };
    const sender = createSender({ producer } as unknown as Kafka, { now: clock.now, sleep });
    const sent = sender.send([{ topic: TOPIC, key: 'k', value: null, headers: {} }]);
    sent.catch(() => {}); // Expected below.
    await asleep.promise;
    await sender.close();
    await expect(sent).rejects.toThrow(OutageError);
    expect(attempts).toBe(1);
  });

  it('when it is closed, then a later send is refused and opens no connection, which nobody would close', async () => {
    let connects = 0;
    const connect = async () => void connects++;
    const producer = () => ({ connect, disconnect: async () => {}, sendBatch: async () => {} });
    const sender = createSender({ producer } as unknown as Kafka, createVirtualClock());
    const records = [{ topic: TOPIC, key: 'k', value: null, headers: {} }];
    await sender.send(records);
    await sender.close();
    await expect(sender.send(records)).rejects.toThrow(OutageError);
    expect(connects).toBe(1);
  });
});
