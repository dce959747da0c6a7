import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import type { Admin, ITopicConfig } from 'kafkajs';
import { silentLogger } from '../log.ts';
import { singleCopy, type TopicPlan } from '../topic-plan.ts';
import { createMissingTopics, describeTopics, ensureTopics } from './topics.ts';

const require = createRequire(import.meta.url);
const errors = require('kafkajs/src/errors') as {
  KafkaJSProtocolError: new (error: object) => Error;
  KafkaJSCreateTopicError: new (error: object, topic: string) => Error;
  KafkaJSAggregateError: new (message: string, errors: Error[]) => Error;
};
const answer = (type: string) =>
  new errors.KafkaJSProtocolError({ type, code: 0, message: `the broker says ${type}`, retriable: false });

const THREE: TopicPlan = { partitions: 6, replicas: 3, minInSync: 2 };

interface HeldTopic {
  readonly partitions?: number;
  readonly replicas?: number;
  readonly settings?: Readonly<Record<string, string>> | Error;
  readonly metadata?: Error;
}

/** KafkaJS's administration of a broker that holds these topics. */
function brokerWith(held: Readonly<Record<string, HeldTopic>>, refuses?: Error) {
  const made: string[] = [];
  const isr = (count: number) => Array.from({ length: count }, (_, node) => node + 1);
  const admin = {
    listTopics: async () => [...Object.keys(held), ...made],
    async fetchTopicMetadata({ topics }: { topics: string[] }) {
      return {
        topics: topics.map((name) => {
          const { partitions = 6, replicas = 3, metadata } = held[name] ?? {};
          if (metadata) throw metadata;
          const partition = { leader: 1, replicas: isr(replicas), isr: isr(replicas) };
          return { name, partitions: Array.from({ length: partitions }, () => partition) };
        }),
      };
    },
    async describeConfigs({ resources: [{ name }] }: { resources: [{ name: string }] }) {
      const { settings = { 'min.insync.replicas': '2' } } = held[name] ?? {};
      if (settings instanceof Error) throw settings;
      const configEntries = Object.entries(settings).map(([configName, configValue]) => ({ configName, configValue }));
      return { resources: [{ configEntries }] };
    },
    async createTopics({ topics }: { topics: ITopicConfig[] }) {
      if (refuses) throw refuses;
      made.push(...topics.map(({ topic }) => topic));
      return true;
    },
  };
  return { admin: admin as unknown as Admin, made };
}

const notCreated = (type: string) =>
  new errors.KafkaJSAggregateError('Topic creation errors', [
    new errors.KafkaJSCreateTopicError({ type, code: 0, message: type, retriable: false }, 'a'),
  ]);

describe('the topics at a start', () => {
  it('when an existing topic is refused, then a missing one is not made', async () => {
    const { admin, made } = brokerWith({ a: { partitions: 6 } });
    await expect(ensureTopics(admin, ['a', 'b'], { ...THREE, partitions: 24 }, silentLogger)).rejects.toThrow(
      'a has 6 partitions, and must have 24 (KAFKA_PARTITIONS)',
    );
    expect(made).toEqual([]);
    await ensureTopics(admin, ['a', 'b'], THREE, silentLogger);
    expect(made).toEqual(['b']);
  });

  it('when Kafka has fewer brokers than copies are asked for, then the start is refused with both variables', async () => {
    const { admin } = brokerWith({}, notCreated('INVALID_REPLICATION_FACTOR'));
    const refusal = expect.objectContaining({
      name: 'TopicMismatchError',
      message: expect.stringMatching(/3 replicas \(KAFKA_REPLICATION_FACTOR\).*KAFKA_DURABILITY=single/),
    });
    await expect(ensureTopics(admin, ['a'], THREE, silentLogger)).rejects.toEqual(refusal);
  });

  it('when a topic is not made for another reason, then the error names it', async () => {
    const { admin } = brokerWith({}, notCreated('TOPIC_AUTHORIZATION_FAILED'));
    await expect(ensureTopics(admin, ['a'], THREE, silentLogger)).rejects.toThrow('a: TOPIC_AUTHORIZATION_FAILED');
  });

  it('when settings may not be read, then too few replicas are refused all the same', async () => {
    const settings = answer('TOPIC_AUTHORIZATION_FAILED');
    const { admin } = brokerWith({ a: { replicas: 1, settings }, b: { settings } });
    await expect(ensureTopics(admin, ['a'], THREE, silentLogger)).rejects.toThrow('it has 1 replicas, and must have 3');
    await ensureTopics(admin, ['b'], THREE, silentLogger);
  });

  it('when a topic would take nothing with one broker away, then it is refused', async () => {
    const { admin } = brokerWith({ a: { settings: { 'min.insync.replicas': '3' } } });
    await expect(ensureTopics(admin, ['a'], THREE, silentLogger)).rejects.toThrow('nothing while one broker is away');
  });
});

describe('the topics of an operator', () => {
  it('when another topic has other partitions than KAFKA_PARTITIONS, then none is made', async () => {
    const { admin, made } = brokerWith({ a: { partitions: 6 } });
    await expect(createMissingTopics(admin, ['a', 'b'], { ...THREE, partitions: 24 })).rejects.toThrow(
      'nothing is made: a has 6 partitions, and KAFKA_PARTITIONS is 24',
    );
    await expect(createMissingTopics(admin, ['a', 'b'], singleCopy(3))).rejects.toThrow('nothing is made');
    expect(made).toEqual([]);
    expect(await createMissingTopics(admin, ['a', 'b'], THREE)).toEqual(['b']);
  });

  it('when a topic has no leader or may not be read, then the others are described', async () => {
    const { admin } = brokerWith({
      a: { metadata: answer('LEADER_NOT_AVAILABLE') },
      b: { settings: answer('TOPIC_AUTHORIZATION_FAILED') },
      c: {},
    });
    expect(await describeTopics(admin, ['a', 'b', 'c'])).toEqual([
      expect.objectContaining({ topic: 'a', unreadable: 'LEADER_NOT_AVAILABLE' }),
      expect.objectContaining({ topic: 'b', settingsUnreadable: 'TOPIC_AUTHORIZATION_FAILED', replicas: 3 }),
      expect.objectContaining({ topic: 'c', replicas: 3, settings: new Map([['min.insync.replicas', '2']]) }),
    ]);
  });
});
