import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, createRedis } from '@shop/chassis';
import { deriveEventId } from '@shop/events';
import { dayIn } from '../../ops/src/audit/business-days.ts';
import { openRedis, type RedisReader } from '../../ops/src/redis.ts';
import { testStack } from '../support/stack.ts';
import { addOrder, emptyShop, fillShop, ORDERS } from './audit-example.ts';
import { createShop, type Shop } from './audit-fixture.ts';

// A database of its own, since others use this Redis too.
const url = `${testStack().env.REDIS_URL}/8`;
const redis = createRedis(url, createLogger({ service: 'test', level: 'silent' }));
let sets: RedisReader;
let shop: Shop;
const today = dayIn('Asia/Seoul', Date.now());
const recent = '0193b5a0-0005-7000-8000-000000000007';

beforeAll(async () => {
  sets = await openRedis(url);
  shop = await createShop();
});
afterAll(async () => {
  await redis.flushdb();
  redis.disconnect();
  sets?.close();
  await shop?.close();
});
beforeEach(async () => {
  await redis.flushdb();
  await emptyShop(shop);
  await fillShop(shop);
  await addOrder(shop, recent, {
    order: 'COMPLETED',
    reservation: 'SOLD',
    payment: 'COMPLETED',
    createdAt: new Date(),
  });
  await redis.hset(`ranking:product:${today}:versions`, { generation: 1, 1: 1 });
  await redis.zadd(`ranking:product:${today}`, 2, '1');
});

async function audit(options: Parameters<Shop['audit']>[0] = {}) {
  const report = await shop.audit({ sets, door: sets, ...options });
  return { notes: report.notes, ranking: report.findings.filter((it) => it.invariant === 10) };
}
/** Check → its findings. */
async function faults(options?: Parameters<Shop['audit']>[0]): Promise<Record<string, string[]>> {
  const { ranking } = await audit(options);
  return Object.fromEntries(
    ranking.filter((it) => it.failed > 0).map((it) => [it.name, it.examples.map(({ id }) => id)]),
  );
}

it('when all is well, then nothing is found, and each check has looked at something', async () => {
  expect(await faults()).toEqual({});
  const { ranking, notes } = await audit();
  expect(ranking.map((it) => [it.name, it.checked])).toEqual([
    ['sorted-sets-are-the-table', 1],
    ['totals-are-their-orders', 2],
    ['totals-have-names', 1],
  ]);
  expect(notes).toEqual([]);
});

describe('one broken row', () => {
  it.each<[string, string, (string | Date)[], string, string]>([
    [
      'a total',
      'UPDATE shop_ranking.daily_product_sales SET quantity = 3 WHERE business_day = ?',
      ['2026-01-01'],
      'totals-are-their-orders',
      '2026-01-01/1',
    ],
    [
      'a total that is lost',
      'DELETE FROM shop_ranking.daily_product_sales WHERE business_day = ?',
      ['2026-01-01'],
      'totals-are-their-orders',
      '2026-01-01/1',
    ],
    [
      'a total without orders',
      `INSERT INTO shop_ranking.daily_product_sales VALUES (1, '2026-02-01', 1, 2, 1, ?)`,
      [new Date()],
      'totals-are-their-orders',
      '2026-02-01/1',
    ],
    [
      'a negative total',
      `INSERT INTO shop_ranking.daily_product_sales VALUES (1, '2025-02-01', 1, -2, 1, ?)`,
      [new Date()],
      'totals-are-their-orders',
      '2025-02-01/1',
    ],
    [
      'a total on the wrong day',
      `UPDATE shop_ranking.daily_product_sales SET business_day = '2026-01-02' WHERE business_day = ?`,
      ['2026-01-01'],
      'totals-are-their-orders',
      '2026-01-02/1',
    ],
    [
      'an order that did not complete',
      `UPDATE shop_order.orders SET status = 'CANCELLED' WHERE order_id = ?`,
      [ORDERS.completed],
      'totals-are-their-orders',
      '2026-01-01/1',
    ],
    [
      'a cancellation that is undone',
      `UPDATE shop_order.orders SET status = 'COMPLETED' WHERE order_id = ?`,
      [ORDERS.refunded],
      'totals-are-their-orders',
      '2026-01-01/1',
    ],
    ['a product without a name', 'DELETE FROM shop_ranking.products', [], 'totals-have-names', '1'],
    [
      'a generation without totals',
      'UPDATE shop_ranking.ranking_state SET live_generation = 2',
      [],
      'sorted-sets-are-the-table',
      today,
    ],
  ])('when the rows have %s, then it is found', async (_, statement, params, check, id) => {
    await shop.sql(statement, params);
    expect((await faults())[check]).toContain(id);
  });
});

describe('a sorted set that differs from the table', () => {
  const set = `ranking:product:${today}`;
  it.each<[string, () => Promise<unknown>, string]>([
    ['another score', () => redis.zadd(set, 3, '1'), `${today}/1`],
    ['a lost score', () => redis.zrem(set, '1'), `${today}/1`],
    ['an old version', () => redis.hset(`${set}:versions`, '1', 0), `${today}/1`],
    ['a version that never was', () => redis.hset(`${set}:versions`, '1', 2), `${today}/1`],
    ['a product that was never sold', () => redis.zadd(set, 1, '5'), `${today}/5`],
    ['a day that is lost', () => redis.flushdb(), today],
    ['a day of another generation', () => redis.hset(`${set}:versions`, 'generation', 2), today],
  ])('when a set has %s, then it is found', async (_, breakIt, id) => {
    await breakIt();
    expect(await faults()).toEqual({ 'sorted-sets-are-the-table': [id] });
  });

  it('when a set is right at the second look, then nothing is found', async () => {
    await redis.zadd(set, 3, '1');
    const read = async (day: string) => {
      const seen = await sets.read(day);
      if (day === today) await redis.zadd(set, 2, '1');
      return seen;
    };
    expect(await faults({ sets: { read } })).toEqual({});
  });
});

describe('days', () => {
  it('when sales are compared, then days are those of the time zone', async () => {
    await shop.sql(`UPDATE shop_order.orders SET completed_at = '2025-12-31 14:59:59.999' WHERE order_id = ?`, [
      ORDERS.completed,
    ]);
    expect((await faults())['totals-are-their-orders']?.sort()).toEqual(['2025-12-31/1', '2026-01-01/1']);
    expect((await faults({ timeZone: 'Asia/Tashkent' }))['totals-are-their-orders']?.sort()).toContain('2025-12-31/1');
    await shop.sql(`UPDATE shop_order.orders SET completed_at = '2025-12-31 15:00:00.000' WHERE order_id = ?`, [
      ORDERS.completed,
    ]);
    expect(await faults()).toEqual({});
    expect(Object.keys(await faults({ timeZone: 'UTC' }))).toContain('totals-are-their-orders');
  });

  it('when --since is given, then earlier days are left out', async () => {
    await shop.sql('UPDATE shop_ranking.daily_product_sales SET quantity = 9');
    await redis.zadd(`ranking:product:${today}`, 9, '1');
    expect(await faults({ since: new Date() })).toEqual({ 'totals-are-their-orders': [`${today}/1`] });
  });
});

describe('the audit of ranking on a live system', () => {
  const unapply = (type: 'order-completed' | 'order-cancelled', orderId: string) =>
    shop.sql('DELETE FROM shop_ranking.processed_event WHERE event_id = ?', [deriveEventId(orderId, type)]);
  const totals = async () => (await audit()).ranking.find((it) => it.name === 'totals-are-their-orders');

  it('when ranking has not applied an order yet, then it is under way', async () => {
    await shop.sql('DELETE FROM shop_ranking.daily_product_sales WHERE business_day = ?', [today]);
    expect(await totals()).toMatchObject({ failed: 1 });
    await unapply('order-completed', recent);
    expect(await totals()).toMatchObject({ failed: 0, underway: 1 });
  });

  it('when ranking has not applied a cancellation yet, then it is under way', async () => {
    await shop.sql(`UPDATE shop_order.orders SET status = 'CANCELLED' WHERE order_id = ?`, [recent]);
    expect(await totals()).toMatchObject({ failed: 0, underway: 1 });
    await shop.sql(
      `INSERT INTO shop_ranking.processed_event (consumer_group, event_id, claim, processed_at) VALUES ('ranking', ?, '', ?)`,
      [deriveEventId(recent, 'order-cancelled'), new Date()],
    );
    expect(await totals()).toMatchObject({ failed: 1, underway: 0 });
  });

  describe('and orders that wait behind dead letters', () => {
    const lose = (quantity: number, day = '2026-01-01') =>
      shop.sql('UPDATE shop_ranking.daily_product_sales SET quantity = ? WHERE business_day = ?', [quantity, day]);
    /** A letter of this event; without a type it is unreadable, and has no id. */
    const setAside = (orderId: string, type?: 'order-completed' | 'order-cancelled', status = 'DEAD') =>
      shop.sql(
        `INSERT INTO shop_ranking.dead_letter (consumer_group, topic, \`partition\`, \`offset\`, message_key, status, event_id, event_type, reason, attempts, headers, failed_at)
         SELECT 'ranking', 'order-events', 0, 9999 + COUNT(*), ?, ?, NULLIF(?, ''), NULLIF(?, ''), 'HANDLER_ERROR', 3, '{}', ? FROM shop_ranking.dead_letter`,
        [orderId, status, type ? deriveEventId(orderId, type) : '', type ?? '', new Date()],
      );
    const second = '0193b5a0-0006-7000-8000-000000000008';

    it.each(['order-completed', undefined] as const)(
      'when the day lacks what the letter is of (%s), then it is listed apart',
      async (type) => {
        await shop.sql('DELETE FROM shop_ranking.daily_product_sales WHERE business_day = ?', ['2026-01-01']);
        expect(await totals()).toMatchObject({ failed: 1 });
        await unapply('order-completed', ORDERS.completed);
        await setAside(ORDERS.completed, type);
        expect(await totals()).toMatchObject({ failed: 0, parked: 1, parkedExamples: [{ id: '2026-01-01/1' }] });
      },
    );

    it('when the total is wrong by another amount than the letter’s order, then it is a fault', async () => {
      await unapply('order-completed', ORDERS.completed);
      await setAside(ORDERS.completed, 'order-completed');
      await lose(999);
      expect(await totals()).toMatchObject({
        ...{ failed: 1, parked: 0 },
        examples: [{ id: '2026-01-01/1', detail: expect.stringContaining('the table has 999, its orders 2') }],
      });
    });

    it('when a letter’s order was counted all the same, then it excuses nothing', async () => {
      await setAside(ORDERS.completed, 'order-completed');
      await lose(0);
      expect(await totals()).toMatchObject({ failed: 1, parked: 0 });
    });

    it('when several orders wait, then it takes all of them to explain what a day lacks', async () => {
      await addOrder(shop, second, { order: 'COMPLETED', reservation: 'SOLD', payment: 'COMPLETED' });
      for (const orderId of [ORDERS.completed, second]) await unapply('order-completed', orderId);
      await setAside(ORDERS.completed, 'order-completed');
      await lose(0);
      expect(await totals()).toMatchObject({ failed: 1, parked: 0 });
      await setAside(second, 'order-completed');
      expect(await totals()).toMatchObject({ failed: 0, parked: 1 });
      await lose(2);
      expect(await totals()).toMatchObject({ failed: 1, parked: 0 });
    });

    it('when one order of a day waits and another is on its way, then both together explain it', async () => {
      await addOrder(shop, second, {
        ...{ order: 'COMPLETED', reservation: 'SOLD', payment: 'COMPLETED' },
        createdAt: new Date(),
      });
      for (const orderId of [recent, second]) await unapply('order-completed', orderId);
      await setAside(second, 'order-completed');
      await lose(0, today);
      expect(await totals()).toMatchObject({ failed: 0, parked: 1 });
      await lose(2, today);
      expect(await totals()).toMatchObject({ failed: 1, parked: 0 });
    });

    it('when the cancellation of an order waits that the inbox has forgotten, then it is listed apart', async () => {
      await shop.sql(`UPDATE shop_order.orders SET status = 'CANCELLED', updated_at = ? WHERE order_id = ?`, [
        new Date(Date.now() - 3_600_000),
        ORDERS.completed,
      ]);
      await unapply('order-completed', ORDERS.completed);
      await setAside(ORDERS.completed, 'order-cancelled');
      expect(await totals()).toMatchObject({ failed: 0, parked: 1 });
      await lose(1);
      expect(await totals()).toMatchObject({ failed: 1, parked: 0 });
    });
  });

  it('when a cancellation is on its way for an order that the inbox has forgotten, then it is under way', async () => {
    await shop.sql(`UPDATE shop_order.orders SET status = 'CANCELLED', updated_at = ? WHERE order_id = ?`, [
      new Date(),
      ORDERS.completed,
    ]);
    await unapply('order-completed', ORDERS.completed);
    expect(await totals()).toMatchObject({ failed: 0, underway: 1 });
  });

  it('when Redis is away, then a note says so, and the rest is checked', async () => {
    const report = await shop.audit({ door: sets });
    expect(report.notes).toEqual([expect.stringContaining('the sorted sets were not compared')]);
    const away = await openRedis(url);
    away.close();
    expect((await shop.audit({ sets: away, door: sets })).notes).toEqual([
      expect.stringContaining('were not compared'),
    ]);
    await expect(openRedis('redis://127.0.0.1:1')).rejects.toThrow('Redis at 127.0.0.1:1 cannot be reached');
  });
});
