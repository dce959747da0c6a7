import { expect, it } from '@jest/globals';
import type { Database, Transaction } from '@shop/chassis';
import type { Subscription } from '../consumer/index.ts';
import type { EventType } from '../contracts/index.ts';
import { OutageError, UndecodableError } from '../errors.ts';
import { type EventLogger, silentLogger } from '../log.ts';
import { orderCreated, orderId } from '../testing/samples.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { type RedriverOptions, startRedriver } from './redriver.ts';

const nothingApplied = { claim: async () => new Set<string>(), applied: async () => new Set<string>() };

/** Redrives keys with no letters left, some of which fail to be freed. Gives the redriver's logs and the freed keys. */
async function redriveOnce(failures: Readonly<Record<string, Error>>, keys: readonly string[]) {
  const freed: unknown[] = [];
  const logged: string[] = [];
  const tx = {
    async query(_sql: string, params: readonly unknown[] = []) {
      const failure = failures[String(params[1])];
      if (failure) throw failure;
      return [];
    },
    async execute(sql: string, params: readonly unknown[] = []) {
      if (sql.startsWith('DELETE')) freed.push(params[1]);
      return { affectedRows: 1, insertId: 0 };
    },
  } as unknown as Transaction;
  const database = {
    async query(sql: string) {
      return sql.includes('parked_key') ? keys.map((key) => ({ consumer_group: 'catalog', message_key: key })) : [];
    },
    transaction: <T>(work: (tx: Transaction) => Promise<T>) => work(tx),
  } as unknown as Database;
  const note = (details: object, text?: string) => void logged.push(`${'key' in details ? details.key : ''}: ${text}`);
  const logger = { ...silentLogger, warn: note, error: note } as unknown as EventLogger;
  const subscription: Subscription<Transaction, EventType> = { group: 'catalog', handles: [], handle: async () => {} };

  let looked = () => {};
  const once = new Promise<void>((resolve) => {
    looked = resolve;
  });
  const clock = createVirtualClock();
  clock.sleep = async (_ms, signal) => {
    looked();
    await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
  };
  const redriver = startRedriver({
    database,
    store: nothingApplied,
    codec: { decode: () => Promise.reject(new Error('nothing to decode')) },
    subscriptions: () => [subscription],
    logger,
    clock,
  });
  await once;
  await redriver.stop();
  return { freed, logged };
}

it('when one key cannot be redriven, then the keys after it are, and the log says what happened', async () => {
  const failures = { a: new Error('a bug'), b: new OutageError('the registry is away') };
  const { freed, logged } = await redriveOnce(failures, ['a', 'b', 'c']);
  expect(freed).toEqual(['c']);
  expect(logged).toEqual([
    'a: a redrive is put off: its dead letters cannot be handled',
    'b: a redrive is put off: something is away',
  ]);
});

it('when a group does not park, then each letter is redriven by itself and no key is locked', async () => {
  const marked: unknown[] = [];
  const statements: string[] = [];
  const letter = (id: unknown) => ({
    ...{ id, status: 'REDRIVE', attempts: 1, topic: 't', partition: 0, offset: id, message_key: 'k', payload: null },
    ...{ headers: '{"ce_type":"of-others"}', failed_at: new Date(0) },
  });
  const tx = {
    async query(sql: string, params: readonly unknown[] = []) {
      statements.push(sql);
      return sql.includes('FOR UPDATE') && !marked.includes(params[0]) ? [letter(params[0])] : [];
    },
    async execute(sql: string, params: readonly unknown[] = []) {
      statements.push(sql);
      if (sql.includes('REDRIVEN')) marked.push(params[2]);
      return { affectedRows: 1, insertId: 0 };
    },
  } as unknown as Transaction;
  const asked = [7, 8].map((id) => ({ id, consumer_group: 'free', message_key: 'k' }));
  const looked = Promise.withResolvers<void>();
  const clock = createVirtualClock();
  clock.sleep = async (_ms, signal) => {
    looked.resolve();
    await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
  };
  const redriver = startRedriver({
    database: {
      query: async (sql: string) => (sql.includes('parked_key') ? [] : asked),
      transaction: <T>(work: (tx: Transaction) => Promise<T>) => work(tx),
    } as unknown as Database,
    store: nothingApplied,
    codec: { decode: () => Promise.reject(new Error('nothing to decode')) },
    subscriptions: () => [{ group: 'free', handles: [], parks: false, handle: async () => {} }],
    logger: silentLogger,
    clock,
  });
  await looked.promise;
  await redriver.stop();
  expect(marked).toEqual([7, 8]);
  expect(statements.filter((sql) => sql.includes('parked_key'))).toEqual([]);
});

/** One letter that is to be redriven; the statements of its redrive change its status. */
function redrivenLetter() {
  const headers = { ce_type: 'order-created', ce_id: 'e1', ce_time: new Date(0).toISOString() };
  const place = { topic: 'order-events', partition: 0, offset: 3, message_key: 'k' };
  const row = { id: 7, status: 'REDRIVE', attempts: 1, ...place, payload: Buffer.from('x'), resolution: '' };
  const tx = {
    async query(sql: string) {
      const isOpen = sql.includes('FORCE INDEX') && row.status === 'REDRIVE';
      return isOpen ? [{ ...row, headers: JSON.stringify(headers), failed_at: new Date(0) }] : [];
    },
    async execute(sql: string, params: readonly unknown[] = []) {
      if (sql.includes(`SET status = 'DEAD'`)) row.status = 'DEAD';
      if (sql.includes(`SET status = 'REDRIVEN'`)) Object.assign(row, { status: 'REDRIVEN', resolution: params[1] });
      return { affectedRows: 1, insertId: 0 };
    },
  } as unknown as Transaction;
  const database = {
    query: async (sql: string) =>
      sql.includes('parked_key') ? [] : [{ id: 7, consumer_group: 'catalog', message_key: 'k' }],
    transaction: <T>(work: (tx: Transaction) => Promise<T>) => work(tx),
  } as unknown as Database;
  return { row, database };
}

/** Lets a redriver look once. */
async function lookOnce(options: Pick<RedriverOptions, 'database' | 'store' | 'codec' | 'subscriptions' | 'logger'>) {
  const looked = Promise.withResolvers<void>();
  const clock = createVirtualClock();
  clock.sleep = async (_ms, signal) => {
    looked.resolve();
    await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
  };
  const redriver = startRedriver({ ...options, clock });
  await looked.promise;
  await redriver.stop();
}

it('when a letter cannot be read, then it is dead again, unless its event is in the inbox: then it is a duplicate', async () => {
  const ends: string[] = [];
  for (const inbox of [['e1'], []]) {
    const { row, database } = redrivenLetter();
    await lookOnce({
      database,
      store: { ...nothingApplied, applied: async () => new Set(inbox) },
      codec: { decode: () => Promise.reject(new UndecodableError('schema 7 is unknown')) },
      subscriptions: () => [{ group: 'catalog', handles: ['order-created'], handle: async () => {} }],
    });
    ends.push(`${row.status} ${row.resolution}`);
  }
  expect(ends).toEqual(['REDRIVEN duplicate: was applied before', 'DEAD ']);
});

it('when a redriven letter meets a row that has just appeared, then it is tried again; when it always does, then it is dead', async () => {
  const ends: string[] = [];
  for (const lostRaces of [1, 5, Number.POSITIVE_INFINITY]) {
    const { row, database } = redrivenLetter();
    let tries = 0;
    const handle = async () => {
      tries += 1;
      if (tries <= lostRaces) throw Object.assign(new Error('Duplicate entry'), { errno: 1062, sqlState: '23000' });
    };
    await lookOnce({
      database,
      store: { ...nothingApplied, claim: async () => new Set(['e1']) },
      codec: { decode: async () => orderCreated(orderId(1)) },
      subscriptions: () => [{ group: 'catalog', handles: ['order-created'], handle }],
    });
    ends.push(`${row.status} after ${tries}`);
  }
  expect(ends).toEqual(['REDRIVEN after 2', 'REDRIVEN after 6', 'DEAD after 6']);
});

/** Lets a redriver look `count` times. Gives its log and the pauses between the looks. */
async function lookOften(count: number, query: Database['query']) {
  const { database } = redrivenLetter();
  const said: string[] = [];
  const note = (details: object, text?: string) =>
    void said.push(`${text}${'leftOut' in details ? `, ${details.leftOut} more` : ''}`);
  const clock = createVirtualClock();
  const over = Promise.withResolvers<void>();
  const { sleep } = clock;
  clock.sleep = async (ms, signal) => {
    if (clock.slept.length === count - 1) over.resolve();
    await sleep(ms, signal);
  };
  const redriver = startRedriver({
    database: { ...database, query },
    store: { ...nothingApplied, claim: async () => new Set(['e1']) },
    codec: { decode: async () => orderCreated(orderId(1)) },
    subscriptions: () => [
      {
        group: 'catalog',
        handles: ['order-created'],
        handle: () => Promise.reject(new OutageError('the platform is away')),
      },
    ],
    logger: { ...silentLogger, warn: note, error: note } as unknown as EventLogger,
    clock,
  });
  await over.promise;
  await redriver.stop();
  return { said, slept: clock.slept.slice(0, count - 1) };
}

it('when many redrives wait for the same outage, then one line says so, and looks come less often', async () => {
  const letters = Array.from({ length: 50 }, (_, n) => ({ id: n, consumer_group: 'catalog', message_key: `k${n}` }));
  const query = async (sql: string) => (sql.includes('parked_key') ? [] : letters);
  const { said, slept } = await lookOften(5, query as Database['query']);
  expect(said).toEqual(['a redrive is put off: something is away']);
  expect(slept).toEqual([1_000, 2_000, 2_000, 2_000]);
});

it('when the dead letters cannot be looked for, then one line says so, and looks come less often', async () => {
  const { said, slept } = await lookOften(5, () => Promise.reject(new OutageError('the database is away')));
  expect(said).toEqual(['redriving is put off: something is away']);
  expect(slept).toEqual([1_000, 2_000, 2_000, 2_000]);
});

it('when no redrive is asked for, then the redriver looks less and less often, every two seconds at last', async () => {
  const clock = createVirtualClock();
  const over = Promise.withResolvers<void>();
  let looks = 0;
  const redriver = startRedriver({
    database: {
      async query() {
        if (++looks === 8) over.resolve();
        return [];
      },
    } as unknown as Database,
    store: nothingApplied,
    codec: { decode: () => Promise.reject(new Error('nothing to decode')) },
    subscriptions: () => [{ group: 'free', handles: [], parks: false, handle: async () => {} }],
    logger: silentLogger,
    clock,
  });
  await over.promise;
  await redriver.stop();
  expect(clock.slept.slice(0, 3)).toEqual([1_000, 2_000, 2_000]);
});
