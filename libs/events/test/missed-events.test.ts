import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import {
  envelopeOf,
  type NewEvent,
  type Subscription,
  setMissedBefore,
  startConsumer,
  startRedriver,
} from '../src/index.ts';
import { orderCancelled, orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench, testLogger } from './support.ts';

type Handled = 'order-created' | 'order-cancelled';

let bench: Bench;
let running: { stop(): Promise<void> }[] = [];
const poison = new Set<string>();
let position = 1;

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

/** A group whose handler writes the events of one order, and rejects them while the order is poison. */
function groupOf(orderId: string, parks = true): Subscription<Transaction, Handled> {
  return {
    group: `missed-${uuidv7()}`,
    handles: ['order-created', 'order-cancelled'],
    parks,
    async handle(tx, events) {
      for (const { key, type } of events) {
        if (poison.has(key)) throw new Error(`cannot handle ${key}`);
        if (key === orderId) await tx.execute('INSERT INTO effect (what) VALUES (?)', [`${key} ${type}`]);
      }
    },
  };
}

async function consume(subscription: Subscription<Transaction, Handled>): Promise<void> {
  const { store, codec } = bench;
  const logger = testLogger(subscription.group);
  const consumer = await startConsumer({ broker: bench.connect(), store, codec, subscription, logger });
  running.push(consumer);
  await consumer.ready();
}

function redrive(subscription: Subscription<Transaction, Handled>): void {
  const { database, store, codec } = bench;
  const subscriptions = () => [subscription as never];
  running.push(startRedriver({ database, store, codec, subscriptions, pauses: { first: 50, last: 50 } }));
}

function setBefore(group: string, parks: boolean, ...events: NewEvent[]): Promise<void> {
  const now = new Date();
  const missed = events.map((event) => ({
    ...envelopeOf('order', event, now),
    payload: bench.codec.encode(event.type, event.data),
  }));
  position += 10;
  const firstPosition = position;
  return bench.database.transaction((tx) =>
    setMissedBefore(tx, missed, { group, parks, why: 'a test', firstPosition, now }),
  );
}

const effects = async (orderId: string) => (await bench.effects()).filter((what) => what.startsWith(orderId));
/** Letters of one order: the topics also hold other tests' records, unreadable ones too. */
const letters = async (group: string, orderId: string) =>
  (
    await bench.database.query<{ type: string; status: string }>(
      'SELECT event_type AS type, status FROM dead_letter WHERE consumer_group = ? AND message_key = ? ORDER BY id',
      [group, orderId],
    )
  ).map(({ type, status }) => `${type} ${status}`);

it('when a later event of the order is on the log, then it waits until the missed one is applied, and a copy is dropped', async () => {
  const orderId = newOrderId();
  const subscription = groupOf(orderId);
  await setBefore(subscription.group, true, orderCreated(orderId));
  await bench.publish(orderCancelled(orderId));
  await consume(subscription);
  await eventually('the parked event', async () => (await letters(subscription.group, orderId)).length === 2);
  expect(await letters(subscription.group, orderId)).toEqual(['order-created REDRIVE', 'order-cancelled PARKED']);
  expect(await effects(orderId)).toEqual([]);

  redrive(subscription);
  const both = [`${orderId} order-created`, `${orderId} order-cancelled`];
  await eventually('both', async () => (await effects(orderId)).length === 2);
  await setBefore(subscription.group, true, orderCreated(orderId));
  await eventually(
    'its copy',
    async () => (await letters(subscription.group, orderId)).at(-1) === 'order-created REDRIVEN',
  );
  expect(await effects(orderId)).toEqual(both);
});

it('when a letter of the order waits for an operator, then a missed event waits behind it', async () => {
  const orderId = newOrderId();
  const subscription = groupOf(orderId);
  poison.add(orderId);
  await bench.publish(orderCreated(orderId));
  await consume(subscription);
  await eventually('the dead letter', async () => (await letters(subscription.group, orderId)).length === 1);
  poison.clear();
  await setBefore(subscription.group, true, orderCancelled(orderId));
  expect(await letters(subscription.group, orderId)).toEqual(['order-created DEAD', 'order-cancelled PARKED']);
  await bench.database.execute(
    `UPDATE dead_letter SET status = 'REDRIVE' WHERE consumer_group = ? AND status = 'DEAD'`,
    [subscription.group],
  );
  redrive(subscription);
  await eventually('both', async () => (await effects(orderId)).length === 2);
  expect(await effects(orderId)).toEqual([`${orderId} order-created`, `${orderId} order-cancelled`]);
});

it('when a group does not park, then its missed events stand alone, and are applied in their order', async () => {
  const orderId = newOrderId();
  const subscription = groupOf(orderId, false);
  await setBefore(subscription.group, false, orderCreated(orderId), orderCancelled(orderId));
  expect(await letters(subscription.group, orderId)).toEqual(['order-created REDRIVE', 'order-cancelled REDRIVE']);
  expect(await bench.database.query('SELECT 1 FROM parked_key WHERE consumer_group = ?', [subscription.group])).toEqual(
    [],
  );
  redrive(subscription);
  await eventually('both', async () => (await effects(orderId)).length === 2);
  expect(await effects(orderId)).toEqual([`${orderId} order-created`, `${orderId} order-cancelled`]);
});
