import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import {
  type Broker,
  type Consumer,
  createKafkaAdmin,
  EVENTS,
  type ReceivedEvent,
  type Subscription,
  startConsumer,
  startRedriver,
} from '../src/index.ts';
import { orderCancelled, orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench, testLogger } from './support.ts';

type Handled = 'order-created' | 'order-cancelled';

let bench: Bench;
let running: { stop(): Promise<void> }[] = [];
const poison = new Set<string>();

beforeAll(async () => {
  bench = await openBench();
  bench.relay();
});
afterEach(async () => {
  await Promise.all(running.map((each) => each.stop()));
  running = [];
  poison.clear();
});
afterAll(() => bench.close());

/** Writes an effect for each event of the given orders and ignores other tests' orders. */
function subscription(group: string, own: ReadonlySet<string>): Subscription<Transaction, Handled> {
  return {
    group,
    handles: ['order-created', 'order-cancelled'],
    async handle(tx, events) {
      for (const event of events) {
        if (poison.has(event.key)) throw new Error(`cannot handle ${event.key}`);
        if (own.has(event.key))
          await tx.execute('INSERT INTO effect (what) VALUES (?)', [`${group} ${event.type} ${event.key}`]);
      }
    },
  };
}

async function consume(
  wanted: Subscription<Transaction, Handled>,
  broker: Broker = bench.connect(),
): Promise<Consumer> {
  const logger = testLogger(wanted.group);
  const consumer = await startConsumer({
    broker,
    store: bench.store,
    codec: bench.codec,
    subscription: wanted,
    logger,
  });
  running.push(consumer);
  await consumer.ready();
  return consumer;
}

function redrive(...subscriptions: Subscription<Transaction, Handled>[]): void {
  const { database, store, codec } = bench;
  running.push(
    startRedriver({
      database,
      store,
      codec,
      pauses: { first: 50, last: 50 },
      subscriptions: () => subscriptions as never,
      logger: testLogger('redriver'),
    }),
  );
}

const effectsOf = async (group: string) =>
  (await bench.effects()).filter((what) => what.startsWith(`${group} `)).map((what) => what.slice(group.length + 1));
interface LetterRow {
  id: number;
  status: string;
  reason: string;
  error: string;
  attempts: number;
  event_type: string;
  payload: Buffer;
}
/** Dead letters of one key: the topics also hold other tests' records, unreadable ones too. */
const letters = (group: string, key: string) =>
  bench.database.query<LetterRow>(
    'SELECT * FROM dead_letter WHERE consumer_group = ? AND message_key = ? ORDER BY id',
    [group, key],
  );
const isParked = async (group: string, key: string) =>
  (await bench.database.query('SELECT 1 FROM parked_key WHERE consumer_group = ? AND message_key = ?', [group, key]))
    .length > 0;
const newGroup = () => `test-${uuidv7()}`;

describe('an event', () => {
  it('when a transaction commits, then its event is published with CloudEvents headers and applied once, however often sent', async () => {
    const id = newOrderId();
    const group = newGroup();
    const seen: ReceivedEvent[] = [];
    const base = subscription(group, new Set([id]));
    await consume({
      ...base,
      async handle(tx, events) {
        seen.push(...events.filter((event) => event.key === id));
        await base.handle(tx, events);
      },
    });
    const cause = { eventId: 'cause-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    await bench.publish({ ...orderCreated(id), cause });
    await bench.publish({ ...orderCreated(id), cause });
    await bench.publish(orderCancelled(id));
    await eventually('both effects', async () => (await effectsOf(group)).length >= 2);
    expect(await effectsOf(group)).toEqual([`order-created ${id}`, `order-cancelled ${id}`]);
    expect(seen[0]).toMatchObject({
      type: 'order-created',
      key: id,
      causationId: 'cause-1',
      traceparent: cause.traceparent,
    });
    expect(seen[0]?.data).toEqual({ ...orderCreated(id).data });
    await eventually('an empty outbox', async () => (await bench.store.readOutbox(1)).length === 0);
  });

  it('when a transaction rolls back, then its event is not published', async () => {
    const [lost, kept] = [newOrderId(), newOrderId()];
    const group = newGroup();
    await consume(subscription(group, new Set([lost, kept])));
    const failing = bench.database.transaction(async (tx) => {
      await bench.outbox.append(tx, [orderCreated(lost)]);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await bench.publish(orderCreated(kept));
    await eventually('the other one', async () => (await effectsOf(group)).length > 0);
    expect(await effectsOf(group)).toEqual([`order-created ${kept}`]);
  });

  it('when the data does not fit its schema, then the transaction fails, naming the field', async () => {
    const event = orderCreated(newOrderId());
    const wrong = { ...event, data: { ...event.data, userId: 'seven' as unknown as number } };
    await expect(bench.publish(wrong)).rejects.toThrow('userId');
  });
});

describe('poison messages', () => {
  it("when an order's message is poison, then only that order is parked; redriven, all is applied in order and the key freed", async () => {
    const [bad, good] = [newOrderId(), newOrderId()];
    const group = newGroup();
    const wanted = subscription(group, new Set([bad, good]));
    poison.add(bad);
    await consume(wanted);
    redrive(wanted);
    redrive(wanted); // Another instance of the service.
    await bench.publish(orderCreated(bad), orderCreated(good), orderCancelled(good));
    await bench.publish(orderCancelled(bad));
    await eventually('a dead letter and one behind it', async () => (await letters(group, bad)).length === 2);
    await eventually('the other order', async () => (await effectsOf(group)).length === 2);
    expect(
      (await letters(group, bad)).map(({ status, reason, attempts, event_type }) => [
        status,
        reason,
        attempts,
        event_type,
      ]),
    ).toEqual([
      ['DEAD', 'HANDLER_ERROR', 3, 'order-created'],
      ['PARKED', 'BEHIND_DEAD_LETTER', 0, 'order-cancelled'],
    ]);
    expect(await isParked(group, bad)).toBe(true);
    expect(await isParked(group, good)).toBe(false);

    await askRedrive(group, 'order-created');
    await eventually('the failed redrive', async () => (await letters(group, bad))[0]?.status === 'DEAD');
    await sleep(200); // Time for more looks of both redrivers, which must leave the letter alone now.
    expect((await letters(group, bad))[0]?.attempts).toBe(4);
    expect((await letters(group, bad)).map((letter) => letter.status)).toEqual(['DEAD', 'PARKED']);

    poison.clear();
    await askRedrive(group, 'order-created');
    await eventually('the key to be free', async () => !(await isParked(group, bad)));
    expect((await letters(group, bad)).map((letter) => letter.status)).toEqual(['REDRIVEN', 'REDRIVEN']);
    expect(await effectsOf(group)).toEqual([
      `order-created ${good}`,
      `order-cancelled ${good}`,
      `order-created ${bad}`,
      `order-cancelled ${bad}`,
    ]);
  });

  it('when poison is discarded, then messages parked behind it go on, and a late copy of it is not applied', async () => {
    const bad = newOrderId();
    const group = newGroup();
    const wanted = subscription(group, new Set([bad]));
    poison.add(bad);
    await consume(wanted);
    redrive(wanted);
    await bench.publish(orderCreated(bad), orderCancelled(bad));
    await eventually('both letters', async () => (await letters(group, bad)).length === 2);
    poison.clear();
    await bench.database.execute(
      `UPDATE dead_letter SET status = 'DISCARDED' WHERE consumer_group = ? AND message_key = ? AND status = 'DEAD'`,
      [group, bad],
    );
    await eventually('the key to be free', async () => !(await isParked(group, bad)));
    await bench.publish(orderCreated(bad), orderCreated(bad));
    const marker = orderCancelled(newOrderId());
    await bench.publish(marker);
    await eventually('the copies to be consumed', async () => await isProcessed(group, marker.data.orderId));
    expect(await effectsOf(group)).toEqual([`order-cancelled ${bad}`]);
  });

  it('when a record is unreadable, then it is dead-lettered with reason and bytes and mirrored, and later orders go through', async () => {
    const id = newOrderId();
    const group = newGroup();
    await consume(subscription(group, new Set([id])));
    const key = `rubbish-${uuidv7()}`;
    const topic = EVENTS['order-created'].topic;
    await bench
      .connect()
      .send([{ topic, key, value: Buffer.from('not an event'), headers: { ce_type: 'order-created' } }]);
    await bench.publish(orderCreated(id));
    await eventually('the later order', async () => (await effectsOf(group)).length === 1);
    const letter = await eventually('the dead letter', async () => (await letters(group, key))[0]);
    expect(letter).toMatchObject({ status: 'DEAD', reason: 'UNDECODABLE' });
    expect(letter.error).toContain('ce_id');
    expect(letter.payload.toString()).toBe('not an event');
    const admin = await createKafkaAdmin({ brokers: (bench.stack.env.KAFKA_BROKERS ?? '').split(',') });
    try {
      await eventually('the mirror', async () => {
        const mirrored: string[] = [];
        await admin.read(await admin.ranges([`${topic}.dlq`]), (record) => {
          if (record.key === key && record.headers.dlq_group === group) mirrored.push(String(record.value));
        });
        return mirrored[0] === 'not an event';
      });
    } finally {
      await admin.close();
    }
  });
});

describe('two consumers of a group', () => {
  it('when a consumer leaves and another comes, then each event is applied once', async () => {
    const group = newGroup();
    const ids = Array.from({ length: 120 }, newOrderId);
    const wanted = subscription(group, new Set(ids));
    const first = await consume(wanted);
    const joining = consume(wanted);
    for (let i = 0; i < ids.length; i += 10) await bench.publish(...ids.slice(i, i + 10).map(orderCreated));
    await joining;
    await first.stop();
    await eventually('all effects', async () => (await effectsOf(group)).length >= ids.length, { withinMs: 30_000 });
    expect([...(await effectsOf(group))].sort()).toEqual(ids.map((id) => `order-created ${id}`).sort());
  });
});

async function askRedrive(group: string, type: string): Promise<void> {
  await bench.database.execute(
    `UPDATE dead_letter SET status = 'REDRIVE' WHERE consumer_group = ? AND event_type = ? AND status = 'DEAD'`,
    [group, type],
  );
}

async function isProcessed(group: string, orderId: string): Promise<boolean> {
  const rows = await bench.database.query(
    'SELECT 1 FROM processed_event WHERE consumer_group = ? AND event_id LIKE ?',
    [group, `${orderId.slice(0, 13)}%`],
  );
  return rows.length > 0;
}
