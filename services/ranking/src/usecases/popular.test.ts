import { expect, it } from '@jest/globals';
import { createLogger } from '@shop/chassis';
import type { BusinessDay } from '../domain/business-day.ts';
import { createPopular } from './popular.ts';

const HOUR_MS = 3_600_000;

it("when the database's clock is set back, then the list is read again a second later all the same, and Redis asked", async () => {
  const world = { database: 13 * HOUR_MS, process: 5_000, tables: 0, boards: 0, days: [] as number[] };
  const popular = createPopular({
    board: {
      connected: true,
      async top() {
        world.boards++;
        throw new Error('Redis hangs');
      },
    },
    reads: {
      async top() {
        world.tables++;
        return [];
      },
      namesOf: async () => new Map(),
    },
    calendar: {
      lastDays: (at) => {
        world.days.push(at);
        return ['2026-01-01' as BusinessDay];
      },
    },
    now: () => new Date(world.database),
    monotonic: () => world.process,
    logger: createLogger({ service: 'ranking', level: 'silent' }),
    metrics: { counter: () => ({ inc: () => {} }) } as never,
  });
  expect((await popular(1)).at).toBe(5_000);
  world.database -= HOUR_MS;
  world.process += 999;
  await popular(1);
  expect(world.tables).toBe(1);
  world.process += 1;
  expect((await popular(1)).at).toBe(6_000);
  expect([world.tables, world.boards]).toEqual([2, 1]);
  world.process += 5_000;
  await popular(1);
  expect([world.tables, world.boards]).toEqual([3, 2]);
  // The calendar goes by the database's clock.
  expect(world.days).toEqual([13 * HOUR_MS, 12 * HOUR_MS, 12 * HOUR_MS]);
});
