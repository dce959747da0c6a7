import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Broker, type ConsumeOptions, createKafkaBroker, silentLogger } from '@shop/events';
import { startBrokers, type ThreeBrokers } from '../support/brokers.ts';
import { eventually } from '../support/eventually.ts';
import '../support/hygiene.ts';

let kafka: ThreeBrokers;

beforeAll(async () => {
  kafka = await startBrokers();
}, 180_000);

afterAll(async () => {
  await kafka?.close();
}, 120_000);

/** A client of the log, as a service has. */
function connect() {
  const brokers = (kafka.stack.env.KAFKA_BROKERS ?? '').split(',');
  return createKafkaBroker({ brokers, clientId: 'test', logger: silentLogger });
}

/** Sends batches over all partitions, one after the other, each until it is acknowledged. */
function keepSending(client: Pick<Broker, 'send'>, topic: string) {
  const acknowledged: string[] = [];
  let going = true;
  const sent = (async () => {
    for (let round = 0; going; round += 1) {
      const keys = Array.from({ length: 24 }, (_, index) => `${index}-${round}`);
      const records = keys.map((key) => ({ topic, key, value: Buffer.from(key), headers: {} }));
      await eventually('a batch to be taken', () => client.send(records).then(() => true), { withinMs: 60_000 });
      acknowledged.push(...keys);
    }
  })();
  return {
    async more(count: number) {
      const before = acknowledged.length;
      await eventually('more batches', () => acknowledged.length > before + count, { withinMs: 60_000 });
    },
    async stop() {
      going = false;
      await sent;
      return acknowledged;
    },
  };
}

describe('three brokers', () => {
  it('when brokers are restarted in turn, then every acknowledged record is in the log, and every group reads and commits on', async () => {
    const topic = 'leaders-move';
    await kafka.admin.createTopics([topic], { partitions: 6, replicas: 3, minInSync: 2 });
    const groups = Array.from({ length: 6 }, (_, index) => `leaders-move-${index}`);
    const client = connect();
    const heard = new Map(groups.map((group) => [group, new Set<string | null>()]));
    for (const groupId of groups) {
      const onBatch: ConsumeOptions['onBatch'] = async ({ records }) => {
        for (const { key } of records) heard.get(groupId)?.add(key);
      };
      await (await client.consume({ groupId, topics: [topic], fromBeginning: true, onBatch })).ready();
    }
    const sending = keepSending(client, topic);
    for (const name of kafka.names) {
      await kafka.part(name).stop();
      await kafka.part(name).start();
      await kafka.inSync();
      await sending.more(240);
    }
    const acknowledged = await sending.stop();
    const found = new Set<string | null>();
    await kafka.admin.read(await kafka.admin.ranges([topic]), ({ key }) => found.add(key));
    expect(acknowledged.filter((key) => !found.has(key))).toEqual([]);
    await eventually(
      'every group to have read and committed all',
      async () => {
        const places = await Promise.all(groups.map((group) => kafka.admin.places(group, [topic])));
        const behind = places.flat().filter((place) => place.committed !== place.high);
        if (behind.length > 0) throw new Error(`${behind.length} places are behind`);
        return true;
      },
      { withinMs: 60_000, everyMs: 500 },
    );
    for (const group of groups) expect(acknowledged.filter((key) => !heard.get(group)?.has(key))).toEqual([]);
    await client.close();
  }, 300_000);
});
