import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { OrderView } from './order-view.ts';
import { createOrderWatches, type OrderProgress, type OrderWatches } from './order-watches.ts';

const TYPES = ['order-created', 'stock-reserved', 'payment-completed', 'order-completed'];

/** The database: the number of steps of each order. */
let steps: Map<string, number>;
let reads: string[];
let looks: string[][];
/** While set, nothing can be read. */
let away: Error | undefined;
let failures: unknown[];
let listening: Map<string, () => void>;
let watches: OrderWatches;
/** When set, a reading waits for it after it has read the database. */
let hold: Promise<void> | undefined;
/** The same for a look. */
let holdLook: Promise<void> | undefined;

function progressOf(orderId: string): OrderProgress | undefined {
  const version = steps.get(orderId);
  if (version === undefined) return undefined;
  return {
    order: { orderId, status: version === TYPES.length ? 'COMPLETED' : 'PENDING' } as OrderView,
    version,
    steps: TYPES.slice(0, version).map((type, i) => ({ seq: i + 1, eventId: type, type, happenedAt: new Date(0) })),
  };
}

beforeEach(() => {
  jest.useFakeTimers();
  steps = new Map([['a', 1]]);
  [reads, looks, failures, listening] = [[], [], [], new Map()];
  away = undefined;
  hold = undefined;
  holdLook = undefined;
  watches = createOrderWatches({
    waiters: {
      listen(key, wake) {
        listening.set(key, wake);
        return () => void listening.delete(key);
      },
    },
    async read(orderId) {
      reads.push(orderId);
      if (away) throw away;
      const progress = progressOf(orderId);
      await hold;
      return progress;
    },
    async readVersions(orderIds) {
      looks.push([...orderIds]);
      await holdLook;
      if (away) throw away;
      return new Map(orderIds.flatMap((id) => (steps.has(id) ? [[id, steps.get(id) ?? 0]] : [])));
    },
    failed: (error) => failures.push(error),
  });
});
afterEach(() => {
  watches.close();
  jest.useRealTimers();
});

/** Follows an order from now on. `told` are the numbers of the steps it was told. */
async function follower(orderId = 'a') {
  const watch = watches.open(orderId);
  await watch.read();
  const told: number[] = [];
  watch.follow(({ steps: all }) => told.push(all.length));
  return { told, stop: () => watch.stop() };
}
const settle = () => jest.advanceTimersByTimeAsync(0);

describe('watches of orders', () => {
  it('when an order changes here, then all its followers are told at once, with one reading, and no others', async () => {
    steps.set('b', 1);
    const [one, two, other] = [await follower(), await follower(), await follower('b')];
    reads = [];
    steps.set('a', 2);
    watches.wake(['a', 'nobody follows']);
    await settle();
    expect([one.told.at(-1), two.told, other.told]).toEqual([2, [2], []]);
    expect(reads).toEqual(['a']);
  });

  it('when an order ends elsewhere, then the log tells it', async () => {
    const { told } = await follower();
    steps.set('a', 4);
    listening.get('a')?.();
    await settle();
    expect(told).toEqual([4]);
    expect(looks).toEqual([]);
  });

  it('when no hint of a change comes, then one look at all orders finds it within 250 ms', async () => {
    steps.set('b', 1);
    const [one, other] = [await follower(), await follower('b')];
    reads = [];
    steps.set('a', 2);
    await jest.advanceTimersByTimeAsync(250);
    expect([one.told, other.told]).toEqual([[2], []]);
    await jest.advanceTimersByTimeAsync(750);
    expect(looks).toEqual(Array(4).fill(['a', 'b']));
    expect(reads).toEqual(['a']);
  });

  it('when an order changes while it is being read, then it is read again', async () => {
    const { told } = await follower();
    const held = Promise.withResolvers<void>();
    hold = held.promise;
    watches.wake(['a']);
    await settle();
    steps.set('a', 2);
    watches.wake(['a']);
    held.resolve();
    await settle();
    expect(told).toEqual([1, 2]);
  });

  it('when an order changes between the first reading and the following, then the change is told', async () => {
    const watch = watches.open('a');
    await watch.read();
    steps.set('a', 2);
    watches.wake(['a']);
    await settle();
    const told: number[] = [];
    watch.follow((progress) => told.push(progress.version));
    await settle();
    expect(told).toEqual([2]);
  });

  it('when a later follower finds a change without a hint, then earlier followers are told too', async () => {
    const { told } = await follower();
    steps.set('a', 2);
    await follower();
    expect(told).toEqual([2]);
  });

  it('when the steps were read before the last was there, then they are read again', async () => {
    const { told } = await follower();
    const read = progressOf;
    let first = true;
    const torn = createOrderWatches({
      waiters: { listen: () => () => undefined },
      async read(orderId) {
        const progress = read(orderId);
        if (!first || !progress) return progress;
        first = false;
        return { ...progress, version: progress.version + 1 };
      },
      readVersions: async () => new Map(),
      failed: () => undefined,
    });
    const watch = torn.open('a');
    await watch.read();
    watch.follow(({ version }) => told.push(version));
    await settle();
    expect(told).toEqual([1]);
    torn.close();
  });

  it('when the database is away, then followers are told once it is back', async () => {
    const { told } = await follower();
    away = new Error('away');
    steps.set('a', 2);
    watches.wake(['a']);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual([]);
    expect(failures.length).toBeGreaterThan(1);
    away = undefined;
    await jest.advanceTimersByTimeAsync(250);
    expect(told).toEqual([2]);
  });

  it('when all followers have left, then nothing is left: no order, no listener, no timer', async () => {
    const all = [await follower(), await follower()];
    const stranger = watches.open('nobody has it');
    expect(await stranger.read()).toBeUndefined();
    await jest.advanceTimersByTimeAsync(300);
    for (const each of all) each.stop();
    stranger.stop();
    stranger.stop();
    expect([watches.orders, listening.size, jest.getTimerCount()]).toEqual([0, 0, 0]);
    const again = await follower();
    await jest.advanceTimersByTimeAsync(500);
    again.stop();
    expect([watches.orders, listening.size, jest.getTimerCount()]).toEqual([0, 0, 0]);
    expect(looks).toHaveLength(3);
  });

  it('when the reading for a follower who missed a change fails, then the next look makes up for it', async () => {
    const watch = watches.open('a');
    await watch.read();
    steps.set('a', 2);
    await follower();
    const told: number[] = [];
    away = new Error('away');
    watch.follow(({ version }) => told.push(version));
    await settle();
    away = undefined;
    await jest.advanceTimersByTimeAsync(250);
    expect(told).toEqual([2]);
  });

  it('when the last follower leaves and another comes during a look, then there is still one look at a time', async () => {
    const first = await follower();
    const held = Promise.withResolvers<void>();
    holdLook = held.promise;
    await jest.advanceTimersByTimeAsync(250);
    first.stop();
    await follower();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(looks).toHaveLength(1);
    holdLook = undefined;
    held.resolve();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(looks).toHaveLength(5);
  });
});
