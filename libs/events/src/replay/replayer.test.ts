import { beforeEach, expect, it } from '@jest/globals';
import type { Database, Transaction } from '@shop/chassis';
import type { IncomingRecord } from '../broker.ts';
import { type Codec, createCodecOn } from '../codec/index.ts';
import { OutageError } from '../errors.ts';
import type { KafkaAdmin } from '../kafka/index.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import type { MessagingStore } from '../store/index.ts';
import { createMemoryRegistry } from '../testing/memory-registry.ts';
import { createMemoryStore } from '../testing/memory-store.ts';
import { orderCreated, orderId, recordOf } from '../testing/samples.ts';
import { createVirtualClock, type VirtualClock } from '../testing/virtual-clock.ts';
import { startReplayer } from './replayer.ts';

let clock: VirtualClock;
let said: string[];
let status: string;
let isHeld: boolean;
/** Fails looks at the row of the replay. */
let away: boolean;
let attempts: number;

beforeEach(() => {
  clock = createVirtualClock(1_000_000);
  said = [];
  status = 'REQUESTED';
  isHeld = true;
  away = false;
  attempts = 0;
});

/**
 * Replays one message, whose handler fails, by default because something is away. `afterWait` is called after each
 * wait, with its number. @returns the store
 */
async function replay({
  afterWait,
  works = () => false,
  error = new OutageError('the platform is away'),
}: {
  afterWait: (n: number) => void;
  works?: () => boolean;
  error?: Error;
}) {
  const codec: Codec = createCodecOn(createMemoryRegistry());
  await codec.ready();
  const records: readonly IncomingRecord[] = [recordOf(codec, orderCreated(orderId(1)), 1)];
  const row = { id: 1, kind: 'REPLAY', consumer_group: 'data-platform', filters: '{"types":null,"key":null}' };
  const order = { ...row, ranges: '[]', progress: '{}', rate: 100, max_lag: 10 };
  const database = {
    async query(sql: string) {
      if (sql.includes('dead_letter')) return [];
      if (sql.startsWith('SELECT 1 FROM replay')) {
        if (away) throw new OutageError('the database is away');
        return status === 'RUNNING' ? [{}] : [];
      }
      return status === 'REQUESTED' || status === 'RUNNING' ? [order] : [];
    },
    async execute(sql: string, [first]: readonly unknown[]) {
      if (sql.includes(`status = 'RUNNING', started_at`)) status = 'RUNNING';
      if (sql.includes('finished_at')) status = String(first);
      return { affectedRows: 1, insertId: 0 };
    },
  } as unknown as Database;
  const memory = createMemoryStore();
  const rowsOf = {
    query: (sql: string) => database.query(sql),
    execute: async () => ({ affectedRows: status === 'RUNNING' ? 1 : 0, insertId: 0 }),
  };
  const store = {
    ...memory,
    transaction: (work: (tx: object) => Promise<unknown>) => memory.transaction((tx) => work({ ...tx, ...rowsOf })),
  } as unknown as MessagingStore<Transaction>;
  const log = {
    ranges: async () => [],
    committed: async () => [],
    readRuns: (_: unknown, take: (records: readonly IncomingRecord[]) => Promise<void>) => take(records),
    close: async () => {},
  } as unknown as KafkaAdmin;
  const note = (details: { error?: unknown }, text?: string) => void said.push(`${text} ${details.error ?? ''}`.trim());
  const over = Promise.withResolvers<void>();
  const { sleep } = clock;
  clock.sleep = async (ms, signal) => {
    await sleep(ms, signal);
    afterWait(clock.slept.length);
    if (clock.slept.length > 60 || ['CANCELLED', 'DONE'].includes(status)) over.resolve();
  };
  const replayer = startReplayer({
    database,
    store,
    codec,
    lock: { hold: async () => isHeld, release: async () => {} },
    connect: async () => log,
    subscriptions: () => [
      {
        group: 'data-platform',
        handles: ['order-created'],
        async handle() {
          attempts += 1;
          if (!works()) throw error;
        },
      },
    ],
    logger: { ...silentLogger, info: note, warn: note, error: note } as unknown as EventLogger,
    clock,
  });
  await over.promise;
  // A few turns more.
  for (let n = 0; n < 5; n += 1) await new Promise((resolve) => setImmediate(resolve));
  await replayer.stop();
  return memory;
}

it('when a replay is cancelled while its handler waits for an outage, then it ends', async () => {
  await replay({
    afterWait(n) {
      if (n === 3) status = 'CANCELLED';
    },
  });
  // However often it tries, one line says that it waits.
  expect(said).toEqual([
    'replay begins, or goes on',
    'a replay waits: something is away OutageError: the platform is away',
    'replay is cancelled',
  ]);
  expect(attempts).toBe(3);
});

it('when a replay is cancelled while it looks for poison, then nothing is applied after that, nor set aside', async () => {
  for (const works of [() => status === 'CANCELLED', () => false]) {
    status = 'REQUESTED';
    attempts = 0;
    clock = createVirtualClock(1_000_000);
    const { state } = await replay({
      works,
      error: new Error('cannot handle it'),
      afterWait(n) {
        if (n === 1) status = 'CANCELLED';
      },
    });
    expect(attempts).toBeGreaterThan(2);
    expect([[...state.claimed], state.letters, said.at(-1)]).toEqual([[], [], 'replay is cancelled']);
  }
});

it('when another instance has the lock while a handler waits for an outage, then this one leaves the replay to it', async () => {
  await replay({
    afterWait(n) {
      if (n === 3) isHeld = false;
    },
  });
  const putOff = 'replaying is put off: something is away OutageError: another instance replays';
  expect(said.filter((line) => line === putOff)).toEqual([putOff]);
  expect(attempts).toBe(3);
  expect(status).toBe('RUNNING');
});

it('when the row of a replay cannot be read while its handler waits, then it waits on, and goes on when both are back', async () => {
  let works = false;
  await replay({
    works: () => works,
    afterWait(n) {
      away = n < 10;
      works = n > 12;
    },
  });
  expect(status).toBe('DONE');
  expect(attempts).toBeGreaterThan(10);
});
