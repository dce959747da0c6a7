import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type BrokerConsumer, createKafkaAdmin, type KafkaAdmin, silentLogger, singleCopy } from '../src/index.ts';
import { createClient } from '../src/kafka/index.ts';
import { type Bench, eventually, openBench } from './support.ts';

const PARTITIONS = 6;
const KEYS = Array.from({ length: 60 }, (_, index) => `order-${index}`);

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

interface Member {
  readonly consumer: BrokerConsumer;
  assigned: ReadonlySet<string>;
}

/** A group and the topics it hears, with the member that handled each key of each topic. */
interface Group {
  readonly groupId: string;
  readonly topics: string[];
  readonly members: Member[];
  readonly handled: Map<string, Set<Member>>;
  join(topics?: string[]): Promise<Member>;
  /** Waits until each partition of these topics is the only one's of some member. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

async function openGroup(): Promise<Group> {
  const topics = ['catalog', 'order', 'payment'].map((name) => `${name}-${randomUUID()}`);
  await admin.createTopics(topics, singleCopy(PARTITIONS));
  const groupId = `assignment-${randomUUID()}`;
  const members: Member[] = [];
  const handled: Group['handled'] = new Map();
  return {
    ...{ groupId, topics, members, handled },
    async join(heard = topics) {
      const consumer = await bench.connect().consume({
        ...{ groupId, topics: heard, fromBeginning: true },
        onAssigned: (partitions) => {
          member.assigned = partitions;
        },
        async onBatch({ topic, records }) {
          for (const { key } of records) {
            const name = `${key} of ${topic}`;
            handled.set(name, (handled.get(name) ?? new Set()).add(member));
          }
        },
      });
      const member: Member = { consumer, assigned: new Set() };
      members.push(member);
      await consumer.ready();
      return member;
    },
    async settled() {
      await eventually('each partition to have one member', () => {
        const all = members.flatMap((member) => [...member.assigned]);
        return all.length === topics.length * PARTITIONS && new Set(all).size === all.length;
      });
    },
    async close() {
      await Promise.all(members.map((member) => member.consumer.stop()));
    },
  };
}

async function sendAll(topics: readonly string[]): Promise<void> {
  const client = bench.connect();
  for (const topic of topics)
    await client.send(KEYS.map((key) => ({ topic, key, value: Buffer.from(key), headers: {} })));
}

async function protocolOf(groupId: string): Promise<string | undefined> {
  const client = createClient({ brokers, clientId: 'test', logger: silentLogger }).admin();
  await client.connect();
  const { groups } = await client.describeGroups([groupId]).finally(() => client.disconnect());
  return groups[0]?.protocol;
}

/** A member as the release before had it: it offers KafkaJS's default alone, the round robin. */
async function joinOld({ groupId, topics }: Group): Promise<() => Promise<void>> {
  const client = createClient({ brokers, clientId: 'old', logger: silentLogger });
  const consumer = client.consumer({
    ...{ groupId, heartbeatInterval: 300, rebalanceTimeout: 20_000, maxWaitTimeInMs: 100 },
  });
  const joined = Promise.withResolvers<void>();
  consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await consumer.run({ eachBatch: async () => {} });
  await joined.promise;
  return () => consumer.disconnect();
}

describe('members of a group', () => {
  it('when there are one to seven members, then one handles all that an order has in every topic', async () => {
    const group = await openGroup();
    const moves: number[] = [];
    for (let count = 1; count <= 7; count += 1) {
      const before = group.members.map((member) => member.assigned);
      await group.join();
      await group.settled();
      const lost = group.members.map(
        ({ assigned }, index) => [...(before[index] ?? [])].filter((name) => !assigned.has(name)).length,
      );
      moves.push(lost.reduce((sum, n) => sum + n, 0) / group.topics.length);
      group.handled.clear();
      await sendAll(group.topics);
      await eventually('every key to be handled', () => group.handled.size === KEYS.length * group.topics.length);
      const byKey = new Map(
        KEYS.map((key) => [
          key,
          new Set(group.topics.flatMap((topic) => [...(group.handled.get(`${key} of ${topic}`) ?? [])])),
        ]),
      );
      expect([count, [...byKey].filter(([, members]) => members.size !== 1).map(([key]) => key)]).toEqual([count, []]);
    }
    // Each newcomer takes its share, and nothing else moves: 6 / n partition numbers, the seventh gets none.
    expect(moves).toEqual([0, 3, 2, 1, 1, 1, 0]);
    await group.close();
  }, 120_000);

  it('when a member of the release before is in the group, then all deal as it does, and by partition once it has left', async () => {
    const group = await openGroup();
    await group.join();
    await group.join();
    expect(await protocolOf(group.groupId)).toBe('shop-by-partition');
    const leave = await joinOld(group);
    expect(await protocolOf(group.groupId)).toBe('RoundRobinAssigner');
    await leave();
    await group.settled();
    expect(await protocolOf(group.groupId)).toBe('shop-by-partition');
    await group.close();
  }, 60_000);

  it('when a new release hears one topic more, then its members alone get that topic, whoever leads the group', async () => {
    const group = await openGroup();
    // The first member leads the group, and does not hear the third topic.
    const common = group.topics.slice(0, 2);
    await group.join(common);
    await group.join();
    await group.settled();
    await sendAll(group.topics);
    await eventually('every key to be handled', () => group.handled.size === KEYS.length * group.topics.length);
    await group.close();
  }, 60_000);
});
