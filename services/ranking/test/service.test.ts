import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger, createRedis } from '@shop/chassis';
import type { NewEvent } from '@shop/events';
import { createRandom } from '../../../test/simulation/random.ts';
import type { Api } from '../../../test/support/api.ts';
import { eventually, eventuallyPasses } from '../../../test/support/eventually.ts';
import { expectOps } from '../../../test/support/ops.ts';
import { type RunningService, runService } from '../../../test/support/running-service.ts';
import { testStack } from '../../../test/support/stack.ts';
import { createBoard } from '../src/db/board.ts';
import { createCalendar } from '../src/domain/business-day.ts';
import { topOf } from '../src/domain/top.ts';
import { cancelled, changed, completed, type Order, orderAt } from './examples.ts';

const DAY_MS = 86_400_000;
const stack = testStack();
const calendar = createCalendar('Asia/Seoul');
const redis = createRedis(stack.env.REDIS_URL ?? '', createLogger({ service: 'test', level: 'silent' }));
const board = createBoard(redis);

let ranking: RunningService;
let api: Api;
/** Orders that count: completed, and not cancelled since. */
const standing = new Map<string, Order>();
let published = 0;

beforeAll(async () => {
  ranking = await runService('ranking', 'order-events');
  api = ranking.api;
}, 120_000);
afterAll(async () => {
  redis.disconnect();
  await ranking?.stop();
});

/** Publishes completed orders, each `events` times. */
async function complete(orders: readonly Order[], events = 1): Promise<void> {
  for (const order of orders) standing.set(order.orderId, order);
  await publish(
    orders.map((it) => completed(it)),
    events,
  );
}
async function cancel(orders: readonly Order[], events = 1): Promise<void> {
  for (const order of orders) standing.delete(order.orderId);
  await publish(
    orders.map((it) => cancelled(it)),
    events,
  );
}
async function publish(events: readonly NewEvent[], times = 1): Promise<void> {
  published += events.length;
  for (let i = 0; i < times; i++) await ranking.publish(...events);
}

/** Product → pieces of the last `days` days, and day/product → pieces, counted from the orders. */
function recount(days: number) {
  const last = new Set(calendar.lastDays(Date.now(), days));
  const [products, rows] = [new Map<number, number>(), new Map<string, number>()];
  for (const { completedAt, lines } of standing.values()) {
    const day = calendar.dayOf(completedAt);
    for (const [productId, quantity] of lines) {
      const key = `${day}/${productId}`;
      rows.set(key, (rows.get(key) ?? 0) + quantity);
      if (last.has(day)) products.set(productId, (products.get(productId) ?? 0) + quantity);
    }
  }
  return { products, rows };
}

async function tableRows(): Promise<Map<string, number>> {
  const rows = await ranking.database.query<{ id: string; quantity: number }>(
    `SELECT CONCAT(business_day, '/', product_id) AS id, quantity FROM ranking_state s
       JOIN daily_product_sales d ON d.generation = s.live_generation WHERE quantity <> 0`,
  );
  return new Map(rows.map(({ id, quantity }) => [id, quantity]));
}

const applied = () =>
  eventually(
    `${published} events in the inbox`,
    async () => {
      const [row] = await ranking.database.query<{ n: number }>('SELECT COUNT(*) AS n FROM processed_event');
      return (row?.n ?? 0) >= published;
    },
    { withinMs: 60_000 },
  );

const setsEqualTheTable = () =>
  eventuallyPasses('the sorted sets to equal the table', async () => {
    const sets = new Map<string, number>();
    for (const day of calendar.lastDays(Date.now(), 7))
      for (const [productId, score] of (await board.read(day)).scores) sets.set(`${day}/${productId}`, score);
    expect(sets).toEqual(await tableRows());
  });

const popularEqualsTheOrders = (days: number) =>
  eventuallyPasses(`the popular products of ${days} days`, async () => {
    const answer = await api.request<{
      items: { rank: number; productId: number; name: string; quantitySold: number }[];
    }>('GET', '/products/popular', { query: { days, limit: 100 } });
    expect(answer.status).toBe(200);
    const totals = [...recount(days).products].map(([productId, quantity]) => ({ productId, quantity }));
    const expected = topOf(totals, 100).map(({ productId, quantity }, index) => [
      index + 1,
      productId,
      `Product ${productId}`,
      quantity,
    ]);
    expect(answer.body.items.map((it) => [it.rank, it.productId, it.name, it.quantitySold])).toEqual(expected);
    expect(Number(answer.headers.get('age'))).toBeLessThan(60);
  });

const reads = (source: string) => ranking.metric('ranking_popular_reads_total', { source });
const reconcile = async (execute: boolean) =>
  (
    await api.request<{ differences: { id: string; detail: string }[]; repaired: number }>(
      'POST',
      '/internal/reconcile',
      { query: { execute: String(execute) } },
    )
  ).body;

/** Orders over the last five business days, with ties among their totals. */
function randomOrders(count: number, seed: number): Order[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const lines = new Map(Array.from({ length: random.int(1, 4) }, () => [random.int(1, 60), random.int(1, 5)]));
    return orderAt(Date.now() - random.int(0, 4) * DAY_MS - random.int(0, 5_000), ...lines);
  });
}

describe('orders and cancellations, many of them twice', () => {
  it('when the service is killed in between, then table, sets and answer equal a recount', async () => {
    const orders = randomOrders(400, 1);
    const [first, second] = [orders.slice(0, 250), orders.slice(250)];
    await complete(first, 2);
    await eventually('some events', async () => (await tableRows()).size > 0);
    await ranking.process.kill9();
    await cancel(
      first.filter((_, n) => n % 4 === 0),
      2,
    );
    await ranking.startAgain();
    await complete(second);
    await cancel(second.filter((_, n) => n % 5 === 0));
    await ranking.publish(...first.map((it) => completed(it)), cancelled(orderAt(Date.now(), [1, 999]), false));
    await ranking.process.ready();
    await applied();

    expect(await tableRows()).toEqual(recount(5).rows);
    await setsEqualTheTable();
    for (const days of [1, 3, 5, 7]) await popularEqualsTheOrders(days);
    expect(await reads('redis')).toBeGreaterThan(0);
    expect(await ranking.metric('events_handled_total', { group: 'ranking', outcome: 'skipped' })).toBeGreaterThan(0);
    const { body } = await api.request<{ items: object[] }>('GET', '/products/popular');
    expect(body.items).toHaveLength(5);
    expect(body.items[0]).toEqual({
      rank: 1,
      productId: expect.any(Number),
      name: expect.any(String),
      price: 100,
      quantitySold: expect.any(Number),
    });
  });

  it('when orders complete on both sides of midnight in Seoul, then each counts for its day', async () => {
    const midnight = Date.parse(`${calendar.dayOf(Date.now() - DAY_MS)}T00:00:00+09:00`);
    await complete([orderAt(midnight - 1, [301, 1]), orderAt(midnight, [302, 1])]);
    await applied();
    const days = [midnight - 1, midnight].map((at) => calendar.dayOf(at));
    const rows = await tableRows();
    expect([rows.get(`${days[0]}/301`), rows.get(`${days[1]}/302`)]).toEqual([1, 1]);
    expect(days[0]).not.toBe(days[1]);
  });

  it('when a product changes, then its latest name and price are shown', async () => {
    await complete([orderAt(Date.now(), [303, 9_000])]);
    await publish([changed(303, 2, 'Second', 222), changed(303, 1, 'First', 111)]);
    const shown = async () =>
      (await api.request<{ items: object[] }>('GET', '/products/popular', { query: { days: 1, limit: 1 } })).body
        .items[0];
    await eventuallyPasses('the name', async () => {
      expect(await shown()).toMatchObject({ productId: 303, name: 'Second', price: 222, quantitySold: 9_000 });
    });
    await publish([changed(303, 3, 'Product 303', 100)]);
    await popularEqualsTheOrders(1);
  });
});

describe('Redis', () => {
  it('when Redis was emptied, then answers stay right, and a reconciliation or the next order refills it', async () => {
    await redis.flushall();
    const before = await reads('mysql');
    expect((await reconcile(false)).differences).toHaveLength(7);
    await eventuallyPasses('a read of the table', async () => {
      await popularEqualsTheOrders(4);
      expect(await reads('mysql')).toBeGreaterThan(before);
    });
    expect((await reconcile(true)).repaired).toBeGreaterThan(0);
    await setsEqualTheTable();
    expect(await reconcile(false)).toEqual({ days: 7, differences: [], repaired: 0 });

    await redis.flushall();
    await complete([orderAt(Date.now(), [1, 1])]);
    await applied();
    await setsEqualTheTable();
  });

  it('when entries are wrong, then each is named and corrected', async () => {
    const [today = ''] = calendar.lastDays(Date.now(), 1);
    await redis.zadd(`ranking:product:${today}`, 77, '1');
    await redis.hset(`ranking:product:${today}:versions`, '888', 5);
    expect((await reconcile(false)).differences.map((it) => it.id).sort()).toEqual([`${today}/1`, `${today}/888`]);
    const { stdout } = await expectOps(stack, ['reconcile', '--only', 'ranking'], 3);
    expect(stdout).toContain('ranking: 7 business days, 2 differ');
    expect(stdout).toContain(`  ${today}/888: Redis is at version 5; the table does not have it`);
    expect((await reconcile(true)).repaired).toBe(2);
    await setsEqualTheTable();
  });

  it('when Redis is away, then counting goes on and answers stay right; when it is back, then it is equal again', async () => {
    const server = stack.part('redis');
    await server.stop();
    await complete(randomOrders(20, 2));
    await applied();
    expect(await tableRows()).toEqual(recount(5).rows);
    await popularEqualsTheOrders(5);
    expect((await api.request('GET', '/products/popular', { query: { days: 6 } })).status).toBe(200);
    await server.start();
    await setsEqualTheTable();
    await popularEqualsTheOrders(5);
  });

  it('when Redis hangs, then answers come from the table', async () => {
    const server = stack.part('redis');
    await eventually('the client of the test', () => redis.status === 'ready');
    // CLIENT PAUSE holds every command, like a server that is there but does not answer.
    await redis.client('PAUSE', 4_000, 'ALL');
    const before = await reads('mysql');
    await complete([orderAt(Date.now(), [2, 1])]);
    await applied();
    await popularEqualsTheOrders(2);
    expect(await reads('mysql')).toBeGreaterThan(before);
    expect(server.running()).toBe(true);
    await setsEqualTheTable();
  });
});

describe('another generation', () => {
  it('when another generation goes live, then it replaces the sets as a whole', async () => {
    await ranking.database.execute(
      `INSERT INTO daily_product_sales (generation, business_day, product_id, quantity, version, updated_at)
       SELECT 2, business_day, product_id, 3, 1, NOW(3) FROM daily_product_sales WHERE generation = 1 AND product_id < 10`,
    );
    await ranking.database.execute('UPDATE ranking_state SET live_generation = 2');
    expect((await reconcile(false)).differences).toHaveLength(7);
    expect((await reconcile(true)).repaired).toBeGreaterThan(0);
    await setsEqualTheTable();
    const order = orderAt(Date.now(), [1, 1_000]);
    await complete([order]);
    await applied();
    await setsEqualTheTable();
    expect((await tableRows()).get(`${calendar.dayOf(order.completedAt)}/1`)).toBe(1_003);
    const { items } = (
      await api.request<{ items: { productId: number }[] }>('GET', '/products/popular', {
        query: { days: 7, limit: 100 },
      })
    ).body;
    expect(items.every((it) => it.productId < 400)).toBe(true);
  });
});
