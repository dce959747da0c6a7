import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import { type Consumer, type Subscription, startConsumer, startWaiters } from '../src/index.ts';
import { orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench, testLogger } from './support.ts';

let bench: Bench;
let group: string;
let consumer: Consumer;
const own = new Set<string>();

beforeAll(async () => {
  bench = await openBench();
  bench.relay();
});
afterEach(() => consumer.stop());
afterAll(() => bench.close());

/** Writes an effect for each event of this file's orders. */
async function consume(): Promise<void> {
  group = `outage-${uuidv7()}`;
  own.clear();
  const subscription: Subscription<Transaction, 'order-created'> = {
    group,
    handles: ['order-created'],
    async handle(tx, events) {
      for (const { key } of events) {
        if (own.has(key)) await tx.execute('INSERT INTO effect (what) VALUES (?)', [`${group} ${key}`]);
      }
    },
  };
  const logger = testLogger(group);
  consumer = await startConsumer({
    broker: bench.connect(),
    store: bench.store,
    codec: bench.codec,
    subscription,
    logger,
  });
  await consumer.ready();
}

async function publish(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, newOrderId);
  for (const id of ids) own.add(id);
  await bench.publish(...ids.map(orderCreated));
  return ids;
}

const applied = async () =>
  (await bench.effects()).filter((what) => what.startsWith(group)).map((what) => what.slice(group.length + 1));
const lettersOf = async () =>
  (
    await bench.database.query(`SELECT 1 FROM dead_letter WHERE consumer_group = ? AND reason <> 'UNDECODABLE'`, [
      group,
    ])
  ).length;

describe('an outage of Kafka', () => {
  it('when Kafka is back, then events committed meanwhile are published and applied once, within seconds, and waiters wake', async () => {
    await consume();
    const waiters = startWaiters({ broker: bench.connect(), groupId: `w-${group}`, topics: ['order-events'] });
    await waiters.ready();
    await publish(5);
    await eventually('the first five', async () => (await applied()).length === 5);

    const kafka = bench.stack.part('kafka');
    await kafka.stop();
    const during = await publish(20);
    const woken = waiters.waitFor(during.at(-1) ?? '', { timeoutMs: 30_000 });
    await kafka.start();
    const back = performance.now();
    await eventually('all of them', async () => (await applied()).length >= 25, { withinMs: 40_000 });
    const recovery = performance.now() - back;
    expect(await woken).toBe(true);
    process.stderr.write(`applied ${Math.round(recovery)} ms after Kafka was back\n`);

    await publish(5);
    await eventually('the next five', async () => (await applied()).length >= 30);
    const all = await applied();
    expect(new Set(all).size).toBe(30);
    expect(all).toHaveLength(30);
    expect(await lettersOf()).toBe(0);
    expect(recovery).toBeLessThan(5_000);
    await waiters.stop();
  });
});

describe('an outage of MySQL', () => {
  it('when MySQL is back, then the consumer has dead-lettered nothing and applies everything once', async () => {
    await consume();
    await publish(3);
    await eventually('the first three', async () => (await applied()).length === 3);
    const direct = await publish(10);
    await eventually('the next ten', async () => (await applied()).length === 13);

    const mysql = bench.stack.part('mysql');
    await mysql.stop();
    // Sent directly to the log: events published while this group's database is away.
    const late = Array.from({ length: 10 }, newOrderId);
    for (const id of late) own.add(id);
    await bench.connect().send(late.map(recordFor));
    await eventually('the consumer to wait', () => consumer.status().waitingFor !== undefined);
    await mysql.start();
    await eventually('the rest', async () => (await applied()).length >= 23, { withinMs: 30_000 });
    expect(await applied()).toEqual(expect.arrayContaining([...direct, ...late]));
    expect(new Set(await applied()).size).toBe(23);
    expect(await lettersOf()).toBe(0);
    // This consumer learns of its commit a moment after all others.
    await eventually('the consumer to wait no longer', () => consumer.status().waitingFor === undefined);
    expect(consumer.status().halted).toEqual({});
  });
});

function recordFor(id: string) {
  const value = bench.codec.encode('order-created', orderCreated(id).data);
  const headers = { ce_id: uuidv7(), ce_type: 'order-created', ce_time: new Date().toISOString() };
  return { topic: 'order-events', key: id, value, headers };
}
