import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { DatabaseUnavailableError } from '@shop/chassis';
import { type Clock, createBackoff, pauseAfter } from './clock.ts';
import { isForOthers, renderHeaders } from './codec/index.ts';
import { createFileFailpoint, failpointFromEnvironment } from './consumer/index.ts';
import { deriveEventId, EVENTS, type ReceivedEvent } from './contracts/index.ts';
import { OutageError } from './errors.ts';
import { classify } from './failure.ts';
import { heldSince } from './kafka/index.ts';
import { noMetrics } from './metrics.ts';
import { startRelay } from './relay/index.ts';
import { slicesOf } from './replay/index.ts';
import { lowestIdAt, type OutboxRow } from './store/index.ts';
import { createHandFedBroker } from './testing/hand-fed-broker.ts';
import { createMemoryStore } from './testing/memory-store.ts';
import { orderId } from './testing/samples.ts';
import { createVirtualClock } from './testing/virtual-clock.ts';
import { startWaiters } from './waiters/index.ts';

describe('an event id', () => {
  it("when an id is derived twice for an order and a type, then it is the same UUID, with the order's time in front", () => {
    const id = deriveEventId(orderId(1), 'order-created');
    expect(id).toBe(deriveEventId(orderId(1), 'order-created'));
    expect(id).toMatch(/^01890000-0000-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(['order-created', 'order-cancelled'].map((type) => deriveEventId(orderId(1), type))).size).toBe(2);
  });

  it('when an event has an older cause, then its id sorts before the lowest id of a later time', () => {
    const time = 0x018900000000;
    expect(deriveEventId(orderId(1), 'order-created') < lowestIdAt(time + 1)).toBe(true);
    expect(deriveEventId(orderId(1), 'order-created') > lowestIdAt(time)).toBe(true);
  });
});

describe('what a group wants', () => {
  const { attributes } = EVENTS['stock-reserved'];
  const headersOf = (couponId: string | null) => {
    const data = { orderId: orderId(1), userId: 1, couponId, lines: [], totalAmount: 0 };
    return renderHeaders({ id: 'x', type: 'stock-reserved', time: new Date(0) }, 'catalog', attributes?.(data));
  };
  const interest = {
    handles: new Set(['stock-reserved']),
    wants: (headers: Readonly<Record<string, string>>) => headers.ce_couponid !== undefined,
  };

  it('when a group wants certain attributes, then the headers tell, and an attribute without a value has no header', () => {
    expect(headersOf('c').ce_couponid).toBe('c');
    expect(headersOf(null)).not.toHaveProperty('ce_couponid');
    expect(isForOthers({ headers: headersOf('c') }, interest)).toBe(false);
    expect(isForOthers({ headers: headersOf(null) }, interest)).toBe(true);
  });

  it('when a record has no type, then it is not skipped: it is no event and has to be looked at', () => {
    expect(isForOthers({ headers: {} }, interest)).toBe(false);
  });
});

describe('a failure', () => {
  const sql = (errno: number, sqlState: string) => Object.assign(new Error('sql'), { errno, sqlState });
  it.each([
    ['deadlock', sql(1213, '40001'), 'conflict'],
    ['lock time-out', sql(1205, 'HY000'), 'conflict'],
    ['duplicate key', sql(1062, '23000'), 'duplicate'],
    ['value out of range', sql(1264, '22003'), 'poison'],
    ['full disk', sql(1114, 'HY000'), 'outage'],
    ['server shutdown', sql(1053, '08S01'), 'outage'],
    ['read-only server', sql(1290, 'HY000'), 'outage'],
    ['read-only storage', sql(1836, 'HY000'), 'outage'],
    ['read-only transaction', sql(1792, '25006'), 'outage'],
    ['session ended for its silence', sql(4031, 'HY000'), 'outage'],
    ['missing table', sql(1146, '42S02'), 'outage'],
    ['no database', new DatabaseUnavailableError('away'), 'outage'],
    [
      'refused connection',
      new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }),
      'outage',
    ],
    ['registry or broker', new OutageError('away'), 'outage'],
    ['bug', new TypeError('x is undefined'), 'poison'],
    ['something thrown', 'text', 'poison'],
  ])('when an error is a %s, then its kind is recognized', (_, error, kind) => {
    expect(classify(error)).toBe(kind);
  });
});

describe('the time since which topics hold everything', () => {
  const now = Date.parse('2026-03-10T12:34:56Z');
  const since = (lost: number) => heldSince(async (from) => (from.getTime() < lost ? ['gone'] : []), now);

  it.each([
    ['2026-03-03T09:20:00Z', '2026-03-03T10:00:00.000Z'],
    ['2026-03-03T09:00:00Z', '2026-03-03T09:00:00.000Z'],
    ['2026-03-10T12:30:00Z', '2026-03-10T13:00:00.000Z'],
  ])('when records older than %s are gone, then the time is the next full hour', async (lost, held) => {
    expect((await since(Date.parse(lost)))?.toISOString()).toBe(held);
  });

  it('when nothing is gone, then topics hold everything since their beginning', async () => {
    expect(await since(0)).toBeUndefined();
  });
});

describe('back-off', () => {
  it('when a back-off grows, then it doubles up to its limit and is never less than half of it', () => {
    const steady = createBackoff(50, 400, () => 0);
    expect([1, 2, 3, 4, 5].map(() => steady.next())).toEqual([50, 100, 200, 400, 400]);
    const early = createBackoff(100, 400, () => 0.999);
    expect(early.next()).toBeGreaterThanOrEqual(50);
  });
});

describe('a failpoint file', () => {
  const event = (key: string) => ({ key }) as unknown as ReceivedEvent;

  it('when the failpoint file changes, then failpoints are armed and disarmed while the process runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'failpoint-'));
    const path = join(folder, 'armed');
    const failpoint = createFileFailpoint(path);
    try {
      failpoint('catalog', event('o1'));
      writeFileSync(path, 'catalog o1\n');
      await sleep(30);
      expect(() => failpoint('catalog', event('o1'))).toThrow('failpoint: catalog o1');
      failpoint('catalog', event('o2'));
      failpoint('payment', event('o1'));
      writeFileSync(path, 'catalog o2\n');
      utimesSync(path, new Date(), new Date(Date.now() + 5_000));
      await sleep(30);
      failpoint('catalog', event('o1'));
      expect(() => failpoint('catalog', event('o2'))).toThrow();
      rmSync(path);
      await sleep(30);
      failpoint('catalog', event('o2'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('when failpoints are switched off, then the file has no effect', () => {
    expect(failpointFromEnvironment({ FAILPOINT_FILE: '/tmp/x' })).toBeUndefined();
    expect(failpointFromEnvironment({ FAILPOINT_FILE: '/tmp/x', SHOP_FAILPOINTS: 'on' })).toBeDefined();
  });
});

describe('the relay', () => {
  it('when a relay loses its lock, then it no longer shows the backlog it measured', async () => {
    const backlogs: number[] = [];
    let holds = true;
    const metrics = { ...noMetrics, outbox: (rows: number) => void backlogs.push(rows) };
    const lock = { hold: async () => holds, release: async () => {} };
    const relay = startRelay({
      store: createMemoryStore(),
      broker: createHandFedBroker(),
      lock,
      metrics,
      pollMs: () => 1,
    });
    while (!relay.holding) await sleep(1);
    expect(backlogs).toEqual([]);
    holds = false;
    while (relay.holding) await sleep(1);
    await relay.stop();
    expect(backlogs[0]).toBe(0);
  });

  it('when nothing comes, then the relay looks less and less often, and often again once something came', async () => {
    const store = createMemoryStore();
    let rows: (OutboxRow & { readonly seq: number })[] = [];
    const readOutbox = async () => rows;
    const deleteOutbox = async () => {
      rows = [];
    };
    const asked: number[] = [];
    const drained: boolean[] = [];
    const over = Promise.withResolvers<void>();
    const relay = startRelay({
      store: { ...store, readOutbox, deleteOutbox },
      broker: { send: async () => {} },
      lock: { hold: async () => true, release: async () => {} },
      clock: createVirtualClock(),
      pollMs(inVain) {
        asked.push(inVain);
        drained.push(relay.drained);
        if (asked.length === 3)
          rows = [
            { seq: 1, id: 'i', type: 'order-created', topic: 't', key: 'k', payload: Buffer.alloc(1), headers: {} },
          ];
        if (asked.length === 5) over.resolve();
        return pauseAfter(inVain, { first: 200, last: 1_000 });
      },
    });
    await over.promise;
    await relay.stop();
    expect(asked.slice(0, 3)).toEqual([1, 2, 3]);
    expect(drained.slice(0, 3)).toEqual([true, true, true]);
    // The relay sent the row before it asked again.
    expect(asked[3]).toBeLessThanOrEqual(1);
    expect([0, 1, 2, 3, 2_000].map((n) => pauseAfter(n, { first: 200, last: 1_000 }))).toEqual([
      200, 400, 800, 1_000, 1_000,
    ]);
  });
});

describe('waiters', () => {
  const record = (key: string, type: string) => ({
    ...{ topic: 't', partition: 0, offset: '0', key, value: null, timestamp: 0 },
    headers: { ce_type: type },
  });

  it('when an event arrives, then all waiters of its key and type wake, without decoding', async () => {
    const broker = createHandFedBroker();
    const waiters = startWaiters({ broker, groupId: 'w', topics: ['t'] });
    await waiters.ready();
    const ended = [1, 2].map(() => waiters.waitFor('a', { types: ['order-completed'], timeoutMs: 5_000 }));
    const any = waiters.waitFor('a', { timeoutMs: 5_000 });
    const other = waiters.waitFor('b', { timeoutMs: 60 });
    await broker.feed([record('a', 'order-created')]);
    expect(await any).toBe(true);
    await broker.feed([record('a', 'order-completed')]);
    expect(await Promise.all(ended)).toEqual([true, true]);
    expect(await other).toBe(false);
  });

  it('when nobody waits, then records are fetched seldom; when a waiter comes, then at once', async () => {
    const broker = createHandFedBroker();
    const resting = Promise.withResolvers<AbortSignal | undefined>();
    const sleep: Clock['sleep'] = (_, signal) =>
      new Promise<void>((wake) => {
        resting.resolve(signal);
        signal?.addEventListener('abort', () => wake(), { once: true });
      });
    const waiters = startWaiters({ broker, groupId: 'w', topics: ['t'], clock: { now: () => 0, sleep } });
    const fed = broker.feed([record('a', 'order-created')]);
    const signal = await resting.promise;
    expect(signal?.aborted).toBe(false);
    const gone = new AbortController();
    const wait = waiters.waitFor('a', { timeoutMs: 60_000, signal: gone.signal });
    await fed;
    expect(signal?.aborted).toBe(true);
    gone.abort();
    await wait;
  });

  it('when listeners listen to a key, then they hear each of its events until they stop', async () => {
    const broker = createHandFedBroker();
    const waiters = startWaiters({ broker, groupId: 'w', topics: ['t'] });
    await waiters.ready();
    const heard: string[] = [];
    const stop = waiters.listen('a', () => heard.push('first'));
    waiters.listen('a', () => heard.push('second'));
    await broker.feed([record('a', 'order-created'), record('b', 'order-created')]);
    expect(heard).toEqual(['first', 'second']);
    stop();
    stop();
    await broker.feed([record('a', 'order-completed')]);
    expect(heard).toEqual(['first', 'second', 'second']);
  });

  it('when the client has gone, then the wait ends early', async () => {
    const waiters = startWaiters({ broker: createHandFedBroker(), groupId: 'w', topics: ['t'] });
    const gone = new AbortController();
    const waiting = waiters.waitFor('a', { timeoutMs: 60_000, signal: gone.signal });
    gone.abort();
    expect(await waiting).toBe(false);
  });
});

describe('slices of a replay', () => {
  const slices = (marks: string, size: number) =>
    slicesOf([...marks], size, (mark) => mark === 'x').map((slice) => slice.join(''));

  it('when records are sliced, then each slice holds at most so many wanted records and all others between them', () => {
    expect(slices('..x...x.x....', 2)).toEqual(['..x...x.', 'x....']);
    expect(slices('xxx', 1)).toEqual(['x', 'x', 'x']);
    expect(slices('.'.repeat(500), 1)).toEqual(['.'.repeat(500)]);
    expect(slices('', 3)).toEqual([]);
  });
});
