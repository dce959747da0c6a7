import { expect, it } from '@jest/globals';
import type { Database, DedicatedConnection, SqlValue } from '@shop/chassis';
import type { Clock } from '../clock.ts';
import { OutageError } from '../errors.ts';
import { silentLogger } from '../log.ts';
import { createSqlRelayLock } from '../relay/index.ts';
import { goLive, type RecoverableService, recoverOnce } from './recovery-start.ts';

const SCHEMA = 'shop_test';
const FROM = new Date('2026-01-01T00:00:00Z');

/** A server as far as a start asks it: named locks that end with their sessions, and the rows of recoveries. */
function createServer() {
  const holders = new Map<string, number>();
  const sessions = new Set<number>();
  const world = { done: false, since: undefined as Date | undefined, asked: async () => {} };
  let lastId = 0;

  async function query(session: number | undefined, sql: string, params: readonly SqlValue[] = []) {
    await world.asked();
    const lock = (name: string) => {
      const holder = holders.get(name);
      if (holder === undefined && session !== undefined) holders.set(name, session);
      return [{ got: holder === undefined || holder === session ? 1 : 0 }];
    };
    if (sql.includes('processlist')) return [...sessions].map((id) => ({ holder: holders.get(`live:${id}`) ?? null }));
    if (sql.includes('CONNECTION_ID')) return lock(`live:${session}`);
    if (sql.includes('GET_LOCK')) return lock(String(params[0]));
    if (sql.includes('IS_USED_LOCK')) return [{ holder: holders.get(String(params[0])) ?? null }];
    if (sql.includes('MIN(started_at)')) return [{ since: world.since ?? null }];
    if (sql.includes('MAX(id)')) return [{ id: world.done ? 1 : null }];
    // A recovery that is done was so long ago: before this process came.
    if (sql.includes("status = 'DONE'")) return world.done && params[0] === 0 && params.length === 2 ? [{ 1: 1 }] : [];
    throw new Error(`unexpected: ${sql}`);
  }

  const database = {
    schema: SCHEMA,
    query: (sql: string, params?: readonly SqlValue[]) => query(undefined, sql, params),
    async dedicatedConnection(): Promise<DedicatedConnection> {
      const id = ++lastId;
      sessions.add(id);
      return {
        query: (sql: string, params?: readonly SqlValue[]) => query(id, sql, params) as never,
        execute: () => Promise.reject(new Error('nothing is written')),
        ping: async () => {},
        async end() {
          sessions.delete(id);
          for (const [name, holder] of holders) if (holder === id) holders.delete(name);
        },
      };
    },
  } as unknown as Database;
  return { database, world, holders };
}

/** Waits pass at once. */
function createWaits(during: (waited: number) => unknown = () => {}) {
  const clock: Clock = {
    now: () => 0,
    async sleep() {
      waits.count += 1;
      if (waits.count > 500) throw new Error('it waits for ever');
      await during(waits.count);
    },
  };
  const waits = { count: 0, clock };
  return waits;
}

function startOf(database: Database, during?: (waited: number) => unknown, work: () => Promise<void> = async () => {}) {
  const service = {
    config: { RECOVERY: true, RECOVERY_FROM: FROM },
    ...{ database, logger: silentLogger },
  } as unknown as RecoverableService<never, never>;
  const locks = {
    recovery: createSqlRelayLock(database, { name: `recovery:${SCHEMA}` }),
    live: createSqlRelayLock(database),
  };
  const recovered: boolean[] = [];
  const waits = createWaits(during);
  const recover = async () => {
    recovered.push(true);
    await work();
  };
  const started = recoverOnce(service, locks, new AbortController().signal, { clock: waits.clock, recover });
  return { started, locks, recovered, waits };
}

it('when the relaying instance has gone and one that stood by is live, then nothing is recovered beside it', async () => {
  const { database, world } = createServer();
  const [relays, standsBy] = [1, 2].map(() => createSqlRelayLock(database, { marksLive: true }));
  expect([await relays?.hold(), await standsBy?.hold()]).toEqual([true, false]);
  await relays?.release();

  const relaysNow: (boolean | undefined)[] = [];
  const refused = startOf(database, async () => relaysNow.push(await standsBy?.hold()));
  await expect(refused.started).rejects.toThrow('an instance of this service is live');
  expect(refused.waits.count).toBe(50); // Fifteen seconds: a dead one would have gone.
  expect(relaysNow).toEqual(Array(50).fill(true)); // Whoever stood by relays at once.
  for (const lock of Object.values(refused.locks)) await lock.release();

  world.done = true;
  const beside = startOf(database);
  await beside.started;
  expect([...refused.recovered, ...beside.recovered]).toEqual([]);
});

it('when an instance goes live in the midst of a recovery, then it may relay while the recovery waits for its end', async () => {
  const { database } = createServer();
  const woken = createSqlRelayLock(database, { marksLive: true });
  let relays = false;
  const { started, recovered } = startOf(
    database,
    async () => {
      relays = await woken.hold();
    },
    async () => {
      expect(await woken.hold()).toBe(false);
      throw new OutageError('an instance is live');
    },
  );
  await expect(started).rejects.toThrow('an instance of this service is live');
  expect({ recovered, relays }).toEqual({ recovered: [true], relays: true });
});

it('when another instance has taken a recovery over, then the one that waits for it leaves the relay to it', async () => {
  const { database, holders } = createServer();
  const successor = createSqlRelayLock(database, { name: `recovery:${SCHEMA}` });
  const mayRelay: boolean[] = [];
  const { started, locks } = startOf(
    database,
    async (waited) => {
      if (waited > 1) mayRelay.push(!holders.has(`relay:${SCHEMA}`));
      if (waited === 4) await successor.release();
    },
    async () => {
      if (mayRelay.length > 0) return;
      await locks.recovery.release();
      expect(await successor.hold()).toBe(true);
      throw new OutageError('a lock of the recovery is lost');
    },
  );
  await started;
  expect(mayRelay).toEqual([true, true, true]);
});

it('when the session of a dead instance lingers for a moment, then the recovery waits for its end', async () => {
  const { database } = createServer();
  const dead = createSqlRelayLock(database, { marksLive: true });
  await dead.hold();
  const { started, recovered, waits } = startOf(database, (waited) => waited === 7 && dead.release());
  await started;
  expect({ recovered, waited: waits.count }).toEqual({ recovered: [true], waited: 7 });
});

it('when nobody recovers, then a plain start waits for nothing, and is marked as live', async () => {
  const { database, holders } = createServer();
  const waits = createWaits();
  await goLive({ database, logger: silentLogger as never }, waits.clock);
  expect({ waited: waits.count, marks: [...holders.keys()] }).toEqual({ waited: 0, marks: ['live:1'] });
});

it('when another instance has the locks of a recovery and no row yet, then a plain start waits for the row, and ends', async () => {
  const { database, world, holders } = createServer();
  await createSqlRelayLock(database, { name: `recovery:${SCHEMA}` }).hold();
  const begins = (waited: number) => {
    if (waited === 5) world.since = new Date();
  };
  expect(await goLive({ database, logger: silentLogger as never }, createWaits(begins).clock)).toBeUndefined();
  expect([...holders.keys()]).toEqual([`recovery:${SCHEMA}`]);
});

it('when that instance dies before its row, then a plain start goes live', async () => {
  const { database } = createServer();
  const other = createSqlRelayLock(database, { name: `recovery:${SCHEMA}` });
  await other.hold();
  const waits = createWaits((waited) => waited === 5 && other.release());
  expect(await goLive({ database, logger: silentLogger as never }, waits.clock)).toBeDefined();
});

it('when a recovery begins at any moment of a plain start, then one of the two gives way', async () => {
  const outcomes = new Set<string>();
  for (let moment = 1; moment < 8; moment++) {
    const { database, world } = createServer();
    const decided = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    let recovery: ReturnType<typeof startOf> | undefined;
    let asked = 0;
    world.asked = async () => {
      if (++asked !== moment) return;
      const begins = async () => {
        decided.resolve();
        await over.promise;
      };
      const waits = (waited: number) => (waited === 1 ? decided.resolve() : undefined);
      recovery = startOf(database, waits, begins);
      recovery.started.catch(() => {});
      await decided.promise;
    };
    const waits = createWaits((waited) => {
      if (waited === 20) world.since = new Date();
    });
    const live = await goLive({ database, logger: silentLogger as never }, waits.clock);
    over.resolve();
    await recovery?.started.catch(() => {});
    const recovers = (recovery?.recovered.length ?? 0) > 0;
    expect({ moment, both: live !== undefined && recovers }).toEqual({ moment, both: false });
    outcomes.add(recovers ? 'recovers' : 'lives');
  }
  expect(outcomes).toEqual(new Set(['recovers', 'lives']));
});
