import { describe, expect, it } from '@jest/globals';
import type { SqlExecutor } from '@shop/chassis';
import { createReadBacklog } from './backlog-reads.ts';

const STEP_MS = 400;
const ENDED_PER_STEP = 10;

/** A shop whose orders all end within a step, and whose database's clock can be set; no order is PENDING. */
function createShop() {
  let now = Date.UTC(2026, 0, 31);
  const ended: number[] = [];
  let most = 0;
  const query = async (sql: string, params: readonly unknown[] = []): Promise<unknown[]> => {
    if (!sql.includes('endedOfNext')) return [];
    const [, until, next, from, end] = params.map(Number);
    const counted = ended.filter((at) => at >= Number(from) && at <= Number(end));
    most = Math.max(most, counted.length);
    const none = { first: null, firstUnderway: null, oldest: null, pending: 0 };
    const few = counted.filter((at) => at <= Number(until)).length;
    return [{ ...none, ended: few, endedOfNext: counted.filter((at) => at >= Number(next)).length }];
  };
  const db = { query, execute: async () => ({ affectedRows: 0, insertId: 0 }) } as unknown as SqlExecutor;
  const read = createReadBacklog(db, { deadlineMs: 30_000, lateMs: 6_000, now: () => new Date(now) });
  return {
    /** Time passes, or the clock is set. */
    pass(ms: number): void {
      now += ms;
    },
    /** So much time passes, and in it orders end. */
    sell(ms: number): void {
      for (let passed = 0; passed < ms; passed += STEP_MS / ENDED_PER_STEP) ended.push(now + passed);
      now += ms;
    },
    mostCounted: () => most,
    /** How many orders have ended, by each of so many readings. */
    async read(times: number): Promise<number[]> {
      const found: number[] = [];
      for (let n = 0; n < times; n++) {
        for (let i = 0; i < ENDED_PER_STEP; i++) ended.push(now - 50 - i * 30);
        found.push((await read()).ended);
        now += STEP_MS;
      }
      return found;
    },
  };
}

describe('the orders that ended between two readings', () => {
  const steady = (times: number) => Array.from({ length: times }, () => ENDED_PER_STEP);

  it('when the first reading is made, then none counts as ended, and by each further one those since', async () => {
    const shop = createShop();
    expect(await shop.read(10)).toEqual([0, ...steady(9)]);
    shop.pass(100_000);
    expect(await shop.read(3)).toEqual(steady(3));
  });

  it.each([300, 5_000, 60_000, 3_600_000])(
    "when the database's clock is set back by %i ms, then ended orders are counted again from the second reading on",
    async (ms) => {
      const shop = createShop();
      await shop.read(200);
      shop.pass(-ms);
      const [first, ...others] = await shop.read(300);
      expect([0, ENDED_PER_STEP]).toContain(first);
      expect(others).toEqual(steady(299));
    },
  );

  it("when the database's clock was set back by an hour, then what was ordered in that hour is not read each time", async () => {
    const shop = createShop();
    shop.sell(3_600_000);
    await shop.read(2);
    shop.pass(-3_600_000);
    expect(await shop.read(3)).toEqual([0, ENDED_PER_STEP, ENDED_PER_STEP]);
    expect(shop.mostCounted()).toBeLessThan(1_000);
  });
});
