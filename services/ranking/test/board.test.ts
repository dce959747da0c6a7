import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, createRedis } from '@shop/chassis';
import { testStack } from '../../../test/support/stack.ts';
import { createBoard } from '../src/db/board.ts';
import type { DayTotal } from '../src/domain/board.ts';

// A separate database, since others use this Redis too.
const redis = createRedis(`${testStack().env.REDIS_URL}/9`, createLogger({ service: 'test', level: 'silent' }));
const board = createBoard(redis);
const [today, yesterday, before] = ['2126-03-03', '2126-03-02', '2126-03-01'];
const total = (productId: number, quantity: number, version = 1): DayTotal => ({ productId, quantity, version });

beforeAll(() => new Promise<void>((ready) => void redis.once('ready', ready)));
beforeEach(async () => {
  await redis.flushdb();
  for (const day of [today, yesterday, before])
    await board.repair(day, { seenGeneration: undefined, generation: 1, corrections: [] });
});
afterAll(async () => {
  await redis.flushdb();
  redis.disconnect();
});

const set = (...totals: DayTotal[]) => board.set(1, { day: today, totals });
const read = async (day = today) => {
  const { generation, versions, scores } = await board.read(day);
  return { generation, versions: [...versions].sort(), scores: [...scores].sort() };
};

describe('totals of a day', () => {
  it('when totals of a day are set, then a late write never undoes them', async () => {
    await set(total(1, 5, 2), total(2, 3));
    await set(total(1, 4, 1), total(2, 9, 2));
    expect(await read()).toEqual({
      generation: 1,
      versions: [
        [1, 2],
        [2, 2],
      ],
      scores: [
        [1, 5],
        [2, 9],
      ],
    });
  });

  it('when a product has no sales, then it has a version and no place, so that an older write does not bring it back', async () => {
    await set(total(1, 5, 1));
    await set(total(1, 0, 3), total(2, -4, 1));
    await set(total(1, 2, 2));
    expect(await read()).toEqual({
      generation: 1,
      versions: [
        [1, 3],
        [2, 1],
      ],
      scores: [],
    });
  });

  it('when the day is not loaded, or of another generation, then totals are refused', async () => {
    expect(await board.set(2, { day: today, totals: [total(1, 5)] })).toBe(false);
    expect(await board.set(1, { day: '2126-03-04', totals: [total(1, 5)] })).toBe(false);
    expect(await redis.keys('*04*')).toEqual([]);
    expect(await read()).toEqual({ generation: 1, versions: [], scores: [] });
  });

  it('when the seven days are over in every time zone, then totals expire', async () => {
    await set(total(1, 5));
    const expiry = Date.parse('2126-03-11T00:00:00Z') / 1_000;
    for (const key of [`ranking:product:${today}`, `ranking:product:${today}:versions`])
      expect(await redis.call('EXPIRETIME', key)).toBe(expiry);
  });
});

describe('a repair', () => {
  it('when a repair runs, then entries unchanged since the reading are corrected, and later writes are kept', async () => {
    await set(total(1, 5, 2), total(2, 5, 2), total(3, 5, 2));
    const changed = await board.repair(today, {
      seenGeneration: 1,
      generation: 1,
      corrections: [
        { productId: 1, seenVersion: 2, total: total(1, 4, 1) },
        { productId: 2, seenVersion: 1, total: total(2, 4, 3) },
        { productId: 3, seenVersion: 2, total: undefined },
        { productId: 4, seenVersion: undefined, total: total(4, 4, 1) },
      ],
    });
    expect(changed).toBe(3);
    expect(await read()).toEqual({
      generation: 1,
      versions: [
        [1, 1],
        [2, 2],
        [4, 1],
      ],
      scores: [
        [1, 4],
        [2, 5],
        [4, 4],
      ],
    });
  });

  it('when a day is of another generation, then it is replaced as a whole, unless another instance has done so', async () => {
    await set(total(1, 5, 9), total(2, 5, 9));
    const to = (generation: number, seenGeneration: number) =>
      board.repair(today, {
        seenGeneration,
        generation,
        corrections: [{ productId: 2, seenVersion: undefined, total: total(2, 3, 1) }],
      });
    expect(await to(2, 1)).toBe(1);
    expect(await read()).toEqual({ generation: 2, versions: [[2, 1]], scores: [[2, 3]] });
    expect(await to(3, 1)).toBe(0);
    expect((await read()).generation).toBe(2);
  });
});

describe('the top', () => {
  it('when the top is read, then it adds up the days, with all products equal to the last', async () => {
    await set(total(1, 5), total(2, 1), total(10, 2), total(9, 3));
    await board.set(1, { day: yesterday, totals: [total(2, 6), total(9, 1)] });
    await board.set(1, { day: before, totals: [total(1, 100)] });
    const top = await board.top([today, yesterday], 3);
    expect(top?.totals).toEqual([
      { productId: 2, quantity: 7 },
      { productId: 1, quantity: 5 },
      { productId: 9, quantity: 4 },
    ]);
    expect((await board.top([today, yesterday, before], 1))?.totals).toEqual([{ productId: 1, quantity: 105 }]);
    await set(total(10, 4, 2), total(2, 0, 2));
    await redis.del(`ranking:popular:${today}:2`);
    expect(new Set((await board.top([today, yesterday], 3))?.totals.map((it) => it.productId))).toEqual(
      new Set([2, 1, 9, 10]),
    );
  });

  it('when the top is read again, then it is the same for a while, with its age', async () => {
    await set(total(1, 5));
    expect(await board.top([today], 5)).toEqual({ totals: [{ productId: 1, quantity: 5 }], ageMs: 0 });
    await set(total(1, 6, 2));
    await redis.pexpire(`ranking:popular:${today}:1`, 1_500);
    const again = await board.top([today], 5);
    expect(again?.totals).toEqual([{ productId: 1, quantity: 5 }]);
    expect(again?.ageMs).toBeGreaterThanOrEqual(500);
    await redis.del(`ranking:popular:${today}:1`);
    expect((await board.top([today], 5))?.totals).toEqual([{ productId: 1, quantity: 6 }]);
  });

  it('when nothing was sold, then the top is empty; when a day is lost or of another generation, then it is unknown', async () => {
    expect(await board.top([today, yesterday], 5)).toEqual({ totals: [], ageMs: 0 });
    await redis.del(`ranking:product:${yesterday}:versions`);
    expect(await board.top([today, yesterday], 5)).toBeUndefined();
    await board.repair(yesterday, { seenGeneration: undefined, generation: 2, corrections: [] });
    expect(await board.top([today, yesterday], 5)).toBeUndefined();
    expect(await board.top([yesterday], 5)).toBeDefined();
  });
});
