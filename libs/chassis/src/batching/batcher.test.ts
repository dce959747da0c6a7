import { describe, expect, it } from '@jest/globals';
import { DatabaseUnavailableError, OutageError } from '../errors/index.ts';
import type { Client } from '../http/index.ts';
import { failed, succeeded } from './batch-runs.ts';
import { type BatcherOptions, createBatcher } from './batcher.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A batcher of numbers that doubles them, with the runs it made. */
function doubling(options: Partial<BatcherOptions<number, number>> = {}) {
  const runs: (readonly number[])[] = [];
  const batcher = createBatcher<number, number>({
    run: async (items) => {
      runs.push(items);
      await turn();
      return items.map((item) => succeeded(item * 2));
    },
    ...options,
  });
  return { batcher, runs };
}

describe('batcher', () => {
  it('when items come in one turn, then they are one run and each gets its own result', async () => {
    const { batcher, runs } = doubling();
    expect(await Promise.all([1, 2, 3].map((n) => batcher.submit(n)))).toEqual([2, 4, 6]);
    expect(runs).toEqual([[1, 2, 3]]);
  });

  it('when items come during a run, then they go together into the next, at most maxSize', async () => {
    const { batcher, runs } = doubling({ maxSize: 2 });
    const first = batcher.submit(1);
    await turn();
    const rest = [2, 3, 4].map((n) => batcher.submit(n));
    await Promise.all([first, ...rest]);
    expect(runs).toEqual([[1], [2, 3], [4]]);
  });

  it('when concurrency is 2, then two runs happen at once and never three', async () => {
    let atWork = 0;
    let most = 0;
    const { batcher } = doubling({
      maxSize: 1,
      concurrency: 2,
      run: async (items) => {
        most = Math.max(most, ++atWork);
        await turn();
        atWork--;
        return items.map(succeeded);
      },
    });
    await Promise.all([1, 2, 3, 4, 5].map((n) => batcher.submit(n)));
    expect(most).toBe(2);
  });

  it('when one item is refused, then the others succeed', async () => {
    const { batcher } = doubling({
      run: async (items) => items.map((n) => (n === 2 ? failed(new Error('two')) : succeeded(n))),
    });
    const results = await Promise.allSettled([1, 2, 3].map((n) => batcher.submit(n)));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('when a run throws, then its items run one by one and only the failing one is rejected', async () => {
    const runs: (readonly number[])[] = [];
    const { batcher } = doubling({
      run: async (items) => {
        runs.push(items);
        if (items.includes(2)) throw new Error('two');
        return items.map(succeeded);
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map((n) => batcher.submit(n)));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(runs).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it('when a run meets an outage, then all its items fail with it at once, and the next run is tried', async () => {
    let away = true;
    let runs = 0;
    const { batcher } = doubling({
      run: async (items) => {
        runs++;
        if (away) throw new DatabaseUnavailableError('away');
        return items.map(succeeded);
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map((n) => batcher.submit(n)));
    expect(results.every((r) => r.status === 'rejected' && r.reason instanceof DatabaseUnavailableError)).toBe(true);
    expect(runs).toBe(1);
    away = false;
    await expect(batcher.submit(4)).resolves.toBe(4);
  });

  it('when an outage begins while items run one by one, then the items after it fail with it at once', async () => {
    const runs: (readonly number[])[] = [];
    const { batcher } = doubling({
      run: async (items) => {
        runs.push(items);
        if (items.length > 1) throw new Error('one of them');
        if (items.includes(2)) throw new DatabaseUnavailableError('away');
        return items.map(succeeded);
      },
    });
    const results = await Promise.allSettled([1, 2, 3, 4].map((n) => batcher.submit(n)));
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
    expect(results[3]).toMatchObject({ reason: expect.any(DatabaseUnavailableError) });
    expect(runs).toEqual([[1, 2, 3, 4], [1], [2]]);
  });

  it('when another dependency than the database is away, then it is an outage too and no item runs again', async () => {
    let runs = 0;
    const { batcher } = doubling({
      run: async () => {
        runs++;
        throw new OutageError('the registry is away');
      },
    });
    const results = await Promise.allSettled([1, 2, 3].map((n) => batcher.submit(n)));
    expect(results.every((r) => r.status === 'rejected' && r.reason instanceof OutageError)).toBe(true);
    expect(runs).toBe(1);
  });

  it('when the queue is full, then an item is refused with SERVICE_UNAVAILABLE', async () => {
    const { batcher } = doubling({ maxQueue: 2 });
    const taken = [batcher.submit(1), batcher.submit(2)];
    await expect(batcher.submit(3)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await Promise.all(taken);
  });

  it('when the batcher stops, then accepted items are finished and new items are refused', async () => {
    const { batcher } = doubling({ maxSize: 1 });
    const taken = [1, 2].map((n) => batcher.submit(n));
    const stopped = batcher.stop();
    await expect(batcher.submit(3)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await stopped;
    expect(await Promise.all(taken)).toEqual([2, 4]);
  });

  it('when two stop the batcher, then both wait for the accepted items, and both go on', async () => {
    const { batcher, endRun } = held();
    const taken = batcher.submit(1);
    await turn();
    const stopped: string[] = [];
    for (const name of ['one', 'two']) void batcher.stop().then(() => void stopped.push(name));
    await turn();
    expect(stopped).toEqual([]);
    await endRun();
    await taken;
    await turn();
    expect(stopped).toEqual(['one', 'two']);
  });
});

/** A batcher on a clock that only the test moves. Each run ends when the test ends it. */
function held(options: Partial<BatcherOptions<number, number>> = {}) {
  let time = 0;
  const runs: (readonly number[])[] = [];
  const ends: (() => void)[] = [];
  const batcher = createBatcher<number, number>({
    now: () => time,
    random: () => 0,
    run: async (items) => {
      runs.push(items);
      await new Promise<void>((end) => ends.push(end));
      return items.map(succeeded);
    },
    ...options,
  });
  const endRun = async () => {
    ends.shift()?.();
    await turn();
    await turn();
  };
  return {
    batcher,
    runs,
    endRun,
    pass(ms: number) {
      time += ms;
    },
    /** Runs one item for this long, which sets the expected length of a run. */
    async ranFor(ms: number) {
      const done = batcher.submit(0);
      await turn();
      time += ms;
      await endRun();
      await done;
      runs.length = 0;
    },
  };
}

const REFUSED = { code: 'SERVICE_UNAVAILABLE', extra: { retryAfterSeconds: 1 } };

describe('a batcher with a longest wait', () => {
  it('when the runs ahead would take longer than the longest wait, then an item is refused at once, and accepted once they are done', async () => {
    const { batcher, ranFor, endRun, runs } = held({ maxSize: 2, maxWaitMs: 100 });
    await ranFor(40);
    const taken = [batcher.submit(1), batcher.submit(2)];
    await turn();
    // One run is going, with one and two runs behind it: 40 and 80 ms.
    taken.push(batcher.submit(3), batcher.submit(4), batcher.submit(5), batcher.submit(6));
    expect(batcher.refusal()).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await expect(batcher.submit(7)).rejects.toMatchObject(REFUSED);
    await endRun();
    await endRun();
    expect(batcher.refusal()).toBeUndefined();
    await endRun();
    await Promise.all(taken);
    expect(runs.flat()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('when an item has still waited for longer, then it is refused before its run, and others are not', async () => {
    const { batcher, pass, endRun, runs } = held({ maxWaitMs: 100 });
    const first = batcher.submit(1);
    await turn();
    const late = batcher.submit(2);
    const refused = expect(late).rejects.toMatchObject(REFUSED);
    pass(60);
    const inTime = batcher.submit(3);
    pass(41);
    await endRun();
    await refused;
    await endRun();
    expect(await Promise.all([first, inTime])).toEqual([1, 3]);
    expect(runs).toEqual([[1], [3]]);
  });

  it('when a run hangs, then items waiting behind it are refused all the same', async () => {
    const { batcher, endRun } = held({ maxWaitMs: 5, now: () => performance.now() });
    const first = batcher.submit(1);
    await turn();
    await expect(batcher.submit(2)).rejects.toMatchObject(REFUSED);
    const stopped = batcher.stop();
    await endRun();
    await Promise.all([first, stopped]);
  });

  it('when every run hangs for long, then an item is refused at once', async () => {
    const { batcher, pass, endRun } = held({ maxWaitMs: 100 });
    const first = batcher.submit(1);
    await turn();
    pass(201);
    await expect(batcher.submit(2)).rejects.toMatchObject(REFUSED);
    expect(batcher.waiting).toBe(0);
    await endRun();
    await first;
    const next = batcher.submit(3);
    await turn();
    await endRun();
    await expect(next).resolves.toBe(3);
  });

  it.each([
    { whenLate: 'newest', expected: [[1], [4, 5], [2, 3]] },
    { whenLate: 'oldest', expected: [[1], [2, 3], [4, 5]] },
  ] as const)(
    'when the queue is late, then the $whenLate go first, those of a run in the order of arrival',
    async (row) => {
      const { batcher, pass, endRun, runs } = held({ maxSize: 2, maxWaitMs: 1_000, whenLate: row.whenLate });
      const all = [batcher.submit(1)];
      await turn();
      for (const item of [2, 3, 4, 5]) all.push(batcher.submit(item));
      pass(101);
      for (let i = 0; i < 3; i++) await endRun();
      await Promise.all(all);
      expect(runs).toEqual(row.expected);
    },
  );

  it('when the queue is long but not late, then the oldest go first', async () => {
    const { batcher, pass, endRun, runs } = held({ maxSize: 2, maxWaitMs: 1_000 });
    const all = [1, 2, 3, 4, 5].map((item) => batcher.submit(item));
    await turn();
    pass(99);
    for (let i = 0; i < 3; i++) await endRun();
    await Promise.all(all);
    expect(runs).toEqual([[1, 2], [3, 4], [5]]);
  });

  it('when a client leaves or its time is over, then its item is dropped before its run', async () => {
    const { batcher, endRun, runs } = held();
    const first = batcher.submit(1);
    await turn();
    const gone: { -readonly [K in keyof Client]: Client[K] } = { gone: false, timeLeftMs: 1_000 };
    const impatient = { ...gone };
    const dropped = [batcher.submit(2, gone), batcher.submit(3, impatient)];
    const stays = batcher.submit(4, { gone: false, timeLeftMs: 1_000 });
    gone.gone = true;
    impatient.timeLeftMs = 0;
    const results = Promise.allSettled(dropped);
    await endRun();
    expect((await results).map((result) => result.status)).toEqual(['rejected', 'rejected']);
    await endRun();
    expect(await Promise.all([first, stays])).toEqual([1, 4]);
    expect(runs).toEqual([[1], [4]]);
  });

  it('when no client in the queue waits any more, then nothing runs, and the batcher can stop', async () => {
    const { batcher, runs } = held();
    const client = { gone: false, timeLeftMs: 1 };
    const dropped = expect(batcher.submit(1, client)).rejects.toMatchObject(REFUSED);
    client.gone = true;
    await batcher.stop();
    await dropped;
    expect(runs).toEqual([]);
  });

  it('when a client has less time than the runs ahead take, then its item is refused at once', async () => {
    const { batcher, ranFor, endRun } = held({ maxSize: 1, maxWaitMs: 1_000 });
    await ranFor(40);
    const taken = [batcher.submit(1)];
    await turn();
    taken.push(batcher.submit(2), batcher.submit(3));
    await expect(batcher.submit(4, { gone: false, timeLeftMs: 100 })).rejects.toMatchObject(REFUSED);
    taken.push(batcher.submit(5, { gone: false, timeLeftMs: 200 }));
    for (let i = 0; i < 4; i++) await endRun();
    await Promise.all(taken);
  });
});
