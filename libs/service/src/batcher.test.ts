import { describe, expect, it } from '@jest/globals';
import { type BatcherOptions, createBatcher, failed, succeeded } from './batcher.ts';
import { OutageError } from './outage.ts';
import { DatabaseUnavailableError } from './sql-error.ts';

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

  it('when concurrency is 2, then two runs are at work at once and never three', async () => {
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

  it('when a run throws, then its items run one by one and only the guilty one fails', async () => {
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

  it('when an outage begins while items run one by one, then those behind it fail with it at once', async () => {
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

  it('when what is away is not the database, then it is an outage too and no item runs again', async () => {
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

  it('when it stops, then what was taken is finished and new items are refused', async () => {
    const { batcher } = doubling({ maxSize: 1 });
    const taken = [1, 2].map((n) => batcher.submit(n));
    const stopped = batcher.stop();
    await expect(batcher.submit(3)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await stopped;
    expect(await Promise.all(taken)).toEqual([2, 4]);
  });
});
