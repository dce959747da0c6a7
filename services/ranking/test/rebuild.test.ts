import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger, createRedis } from '@shop/chassis';
import type { NewEvent } from '@shop/events';
import { createRandom } from '../../../test/simulation/random.ts';
import { eventually, eventuallyPasses } from '../../../test/support/eventually.ts';
import { expectOps } from '../../../test/support/ops.ts';
import { type RunningService, runService } from '../../../test/support/running-service.ts';
import { testStack } from '../../../test/support/stack.ts';
import { createBoard } from '../src/db/board.ts';
import { createCalendar } from '../src/domain/business-day.ts';
import { cancelled, changed, completed, type Order, orderAt } from './examples.ts';

const DAY_MS = 86_400_000;
const stack = testStack();
const calendar = createCalendar('Asia/Seoul');
const redis = createRedis(stack.env.REDIS_URL ?? '', createLogger({ service: 'test', level: 'silent' }));
const board = createBoard(redis);
const random = createRandom(7);

let ranking: RunningService;
/** Orders that count: completed, and not cancelled since. */
const standing = new Map<string, Order>();
let published = 0;

beforeAll(async () => {
  ranking = await runService('ranking', 'order-events');
  await sell(200);
  await publish([changed(1, 2, 'Renamed', 222)]);
}, 120_000);
afterAll(async () => {
  redis.disconnect();
  await ranking?.stop();
});

/** Completes orders of the last five days, and cancels a quarter of them. */
async function sell(count: number): Promise<NewEvent[]> {
  const orders = Array.from({ length: count }, () => {
    const lines = new Map(Array.from({ length: random.int(1, 3) }, () => [random.int(1, 30), random.int(1, 5)]));
    return orderAt(Date.now() - random.int(0, 4) * DAY_MS, ...lines);
  });
  const back = orders.filter((_, n) => n % 4 === 0);
  for (const order of orders) standing.set(order.orderId, order);
  for (const { orderId } of back) standing.delete(orderId);
  const events = [...orders.map((it) => completed(it)), ...back.map((it) => cancelled(it))];
  await publish(events);
  return events;
}
async function publish(events: readonly NewEvent[]): Promise<void> {
  published += events.length;
  await ranking.publish(...events);
}

/** Day/product → pieces, counted from the orders. */
function recount(): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { completedAt, lines } of standing.values())
    for (const [productId, quantity] of lines) {
      const key = `${calendar.dayOf(completedAt)}/${productId}`;
      totals.set(key, (totals.get(key) ?? 0) + quantity);
    }
  return totals;
}
const rows = <Row>(sql: string) => ranking.database.query<Row>(sql);
async function table(): Promise<Map<string, number>> {
  const totals = await rows<{ id: string; quantity: number }>(
    `SELECT CONCAT(business_day, '/', product_id) AS id, quantity FROM ranking_state s
       JOIN daily_product_sales d ON d.generation = s.live_generation WHERE quantity <> 0`,
  );
  return new Map(totals.map(({ id, quantity }) => [id, quantity]));
}
const count = async (sql: string) => (await rows<{ n: number }>(`SELECT COUNT(*) AS n FROM ${sql}`))[0]?.n ?? 0;
const allApplied = () =>
  eventually(
    `${published} events in the inbox`,
    async () => (await count(`processed_event WHERE consumer_group = 'ranking'`)) >= published,
    { withinMs: 60_000 },
  );

/** Waits for one generation with its inbox merged, no leftovers, and Redis equal to the table. */
const settled = () =>
  eventuallyPasses('an end to the rebuild', async () => {
    expect(await rows('SELECT next_generation AS next, replay_id AS replay FROM ranking_state')).toEqual([
      { next: null, replay: null },
    ]);
    expect(await rows('SELECT DISTINCT consumer_group AS inbox FROM processed_event')).toEqual([{ inbox: 'ranking' }]);
    const live = await rows('SELECT live_generation AS generation FROM ranking_state');
    expect(await rows('SELECT DISTINCT generation FROM daily_product_sales')).toEqual(live);
    const sets = new Map<string, number>();
    for (const day of calendar.lastDays(Date.now(), 7))
      for (const [productId, score] of (await board.read(day)).scores) sets.set(`${day}/${productId}`, score);
    expect(sets).toEqual(await table());
  });

interface Told {
  readonly ref: string;
  readonly status: string;
  readonly applied: number;
  readonly comparison: { live: object; rebuilt: object; differing: number };
}
const PLAN = ['replay', '--group', 'ranking', '--rebuild'];
const rebuild = async (options: readonly string[] = [], code = 0): Promise<Told> =>
  JSON.parse((await expectOps(stack, [...PLAN, '--execute', '--reason', 'a test', '--json', ...options], code)).stdout);
const started = (least: number) =>
  eventually(
    `${least} events read by the rebuild`,
    async () => (await count(`replay WHERE status = 'RUNNING' AND applied >= ${least}`)) > 0,
    { withinMs: 60_000 },
  );

describe('a ranking that was emptied', () => {
  it('when an emptied ranking is rebuilt, then it is as before, and repeated events are dropped', async () => {
    await allApplied();
    const names = await rows('SELECT product_id, name, price, version FROM products ORDER BY product_id');
    expect(await table()).toEqual(recount());
    for (const name of ['daily_product_sales', 'ranking_state', 'processed_event', 'products'])
      await ranking.database.execute(`DELETE FROM ${name}`);
    await redis.flushall();

    const { stdout } = await expectOps(stack, PLAN);
    expect(stdout).toMatch(/order-completed +200\n/);
    expect(stdout).toMatch(/order-cancelled +50\n/);
    expect(stdout).toContain('all days are recounted');
    expect(await table()).toEqual(new Map());

    const told = await rebuild();
    expect(told).toMatchObject({ status: 'DONE', applied: published, comparison: { differing: recount().size } });
    expect(await table()).toEqual(recount());
    await settled();
    expect(await rows('SELECT product_id, name, price, version FROM products ORDER BY product_id')).toEqual(names);

    const [order] = standing.values();
    await ranking.publish(completed(order as Order));
    await sell(4);
    await allApplied();
    expect(await table()).toEqual(recount());
  });
});

describe('a healthy ranking', () => {
  it('when orders keep coming during a rebuild, then every event counts once', async () => {
    let done = false;
    const before = published;
    const running = rebuild(['--rate', '200']).finally(() => {
      done = true;
    });
    // As fast as they are counted, up to the swap.
    while (!done) {
      await sell(12);
      await allApplied();
    }
    const told = await running;
    expect(told.status).toBe('DONE');
    expect(published).toBeGreaterThan(before + 15);
    await allApplied();
    expect(await table()).toEqual(recount());
    await settled();
    expect(await table()).toEqual(recount());
  });

  it('when the process is killed during a rebuild, then the next one continues, and every event counts once', async () => {
    const running = rebuild(['--rate', '250']);
    await started(60);
    await ranking.process.kill9();
    await sell(20);
    await ranking.startAgain();
    await ranking.process.ready();
    await sell(20);
    expect((await running).status).toBe('DONE');
    await allApplied();
    expect(await table()).toEqual(recount());
    await settled();
  });

  it('when a rebuild is cancelled, then the live generation stays, and nothing is left', async () => {
    const [live] = await rows('SELECT live_generation FROM ranking_state');
    const { ref } = await rebuild(['--rate', '10', '--wait', '0'], 1);
    await started(2);
    await sell(8);
    expect((await expectOps(stack, ['replay', '--cancel', ref])).stdout).toContain('CANCELLED');
    await allApplied();
    await settled();
    expect(await rows('SELECT live_generation FROM ranking_state')).toEqual([live]);
    expect(await table()).toEqual(recount());
  });
});

describe('a ranking with days that the topic never held', () => {
  it('when the topic begins at offset 0 and ranking has an older day, then a rebuild keeps that day, and says why', async () => {
    const day = calendar.dayOf(Date.now() - 30 * DAY_MS);
    await ranking.database.execute(
      `INSERT INTO daily_product_sales (generation, business_day, product_id, quantity, version, updated_at)
       SELECT live_generation, ?, 1, 7, 1, UTC_TIMESTAMP(3) FROM ranking_state`,
      [day],
    );
    expect((await rebuild()).status).toBe('DONE');
    expect(await table()).toEqual(new Map([...recount(), [`${day}/1`, 7]]));
    const { stdout } = await expectOps(stack, PLAN);
    expect(stdout).toContain('The topic was made anew since, or filled again');
    expect(stdout).toMatch(new RegExp(`copied from the live generation: 2 \\(${day} to `));
  });
});
