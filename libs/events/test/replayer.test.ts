import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import {
  createKafkaAdmin,
  type EventType,
  type RelayLock,
  type ReplayerOptions,
  type Subscription,
  startReplayer,
  systemClock,
} from '../src/index.ts';
import { orderCreated } from '../src/testing/samples.ts';
import { type Bench, eventually, newOrderId, openBench } from './support.ts';

const GROUP = 'replayed';
const TOPIC = 'order-events';
const DAY_MS = 86_400_000;

let bench: Bench;
let brokers: string[];
let ranges: { topic: string; partition: number; from: string; to: string }[];
let keys: string[];

beforeAll(async () => {
  bench = await openBench();
  bench.relay();
  brokers = (bench.stack.env.KAFKA_BROKERS ?? '').split(',');
  const log = await createKafkaAdmin({ brokers });
  try {
    const before = await log.ranges([TOPIC]);
    keys = Array.from({ length: 3 }, newOrderId);
    await bench.publish(...keys.map((id) => orderCreated(id)));
    await eventually('an empty outbox', async () => (await bench.store.readOutbox(1)).length === 0);
    ranges = (await log.ranges([TOPIC])).map(({ topic, partition, to }) => {
      const from = before.find((it) => it.partition === partition)?.to ?? 0n;
      return { topic, partition, from: String(from), to: String(to) };
    });
  } finally {
    await log.close();
  }
});
afterAll(() => bench?.close());

async function request(): Promise<number> {
  const { insertId } = await bench.database.execute(
    `INSERT INTO replay (kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate, max_lag, requested_at, updated_at)
     VALUES ('REPLAY', ?, 'REQUESTED', 'test', 'test', '{"types":null,"key":null}', ?, '{}', '{}', 1000, 1000000, NOW(3), NOW(3))`,
    [GROUP, JSON.stringify(ranges)],
  );
  return insertId;
}

async function readReplay(id: number) {
  const [row] = await bench.database.query<{ status: string; applied: number; error: string | null }>(
    'SELECT status, applied, error FROM replay WHERE id = ?',
    [id],
  );
  return row;
}

const heard: string[] = [];
const subscription: Subscription<Transaction, EventType> = {
  group: GROUP,
  handles: ['order-created'],
  handle: async (_, events) => void heard.push(...events.map((event) => event.key)),
};
const always: RelayLock = { hold: async () => true, release: async () => {} };

async function withReplayer(options: Partial<ReplayerOptions>, until: () => Promise<unknown>): Promise<void> {
  const { database, store, codec } = bench;
  const connect = () => createKafkaAdmin({ brokers });
  const subscriptions = () => [subscription];
  const replayer = startReplayer({
    database,
    store,
    codec,
    connect,
    subscriptions,
    lock: always,
    pauses: { first: 20, last: 20 },
    ...options,
  });
  try {
    await until();
  } finally {
    await replayer.stop();
  }
}

const ended = (id: number) =>
  eventually('an end', async () => {
    const replay = await readReplay(id);
    return replay && ['DONE', 'FAILED'].includes(replay.status) && replay;
  });

it('when another instance replays, then an instance that was refused the lock keeps no connection for it', async () => {
  const id = await request();
  let connections = 0;
  let asked = 0;
  const lock: RelayLock = {
    async hold() {
      asked++;
      connections = 1;
      return false;
    },
    async release() {
      connections = 0;
    },
  };
  await withReplayer({ lock }, () => eventually('it to have asked in vain', () => asked > 0 && connections === 0));
  expect((await readReplay(id))?.status).toBe('REQUESTED');
  await bench.database.execute('DELETE FROM replay');
});

it('when the inbox may have forgotten the replayed events, then the replay fails in words, nothing applied; else it is done', async () => {
  const late = await request();
  const clock = { ...systemClock, now: () => Date.now() + 10 * DAY_MS + 60_000 };
  await withReplayer({ clock }, () => ended(late));
  const failed = await readReplay(late);
  expect(failed).toMatchObject({ status: 'FAILED', applied: 0 });
  expect(failed?.error).toMatch(
    /order-events\/\d@\d+ was sent on .*: inboxes remember 10 days, so it could be applied twice/,
  );
  expect(heard).toEqual([]);

  const intime = await request();
  await withReplayer({ clock: { ...systemClock, now: () => Date.now() + 9 * DAY_MS } }, () => ended(intime));
  expect(await readReplay(intime)).toEqual({ status: 'DONE', applied: 3, error: null });
  expect([...heard].sort()).toEqual([...keys].sort());
});
