import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isDataError, isDuplicateKey } from '@shop/chassis';
import { migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import type { NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { expireCoupons } from '../src/db/housekeeping.ts';
import { sqlRedemptionStore } from '../src/db/redemption-store.ts';
import type { SagaEvent } from '../src/domain/redemption.ts';
import { createRedeemCoupons } from '../src/usecases/redeem-coupons.ts';
import { cancelled, EXPIRES, NOW, stockReserved } from './examples.ts';

let schema: TestDatabase;
let now = NOW;
const published: NewEvent[] = [];
const outbox = { append: async (_tx: unknown, events: readonly NewEvent[]) => void published.push(...events) };
const handle = createRedeemCoupons({ store: sqlRedemptionStore, outbox, now: () => now });

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(() => {
  published.length = 0;
  now = NOW;
});

/** Handles a batch in one transaction. @returns its statements */
async function batch(events: readonly SagaEvent[]): Promise<string[]> {
  const statements: string[] = [];
  await schema.database.transaction((tx) => handle(noting(tx, statements), events));
  return statements;
}

/** Runs again after a duplicate key, like the consumer. */
async function patiently(events: readonly SagaEvent[]): Promise<void> {
  await batch(events).catch((error: unknown) => {
    if (!isDuplicateKey(error)) throw error;
    return patiently(events);
  });
}

let lastUserId = 0;

/** Coupons of 1,000 won, each of a new user. */
async function newCoupons(count: number): Promise<{ userId: number; couponId: string }[]> {
  const coupons = Array.from({ length: count }, () => ({ userId: ++lastUserId, couponId: uuidv7() }));
  await schema.database.execute(
    `INSERT INTO coupons (coupon_id, coupon_policy_id, user_id, discount_amount, status, issued_at, expires_at)
     VALUES ${coupons.map(() => "(?, 1, ?, 1000, 'ISSUED', ?, ?)").join()}`,
    coupons.flatMap(({ couponId, userId }) => [couponId, userId, new Date('2026-01-01'), EXPIRES]),
  );
  return coupons;
}

async function newCoupon() {
  const [coupon] = await newCoupons(1);
  if (!coupon) throw new Error('no coupon');
  return coupon;
}

const orderOf = <C extends { userId: number; couponId: string }>({ userId, couponId }: C) => ({
  orderId: uuidv7({ msecs: now.getTime() }),
  userId,
  couponId,
});

async function couponOf({ couponId }: { couponId: string }): Promise<object | undefined> {
  const [row] = await schema.database.query<object>(
    `SELECT status, order_id AS orderId, used_at AS usedAt, coupon_policy_id AS couponPolicyId, discount_amount AS discountAmount,
            issued_at AS issuedAt, expires_at AS expiresAt FROM coupons WHERE coupon_id = ?`,
    [couponId],
  );
  return row;
}

async function redemptionOf({ orderId }: { orderId: string }): Promise<object | undefined> {
  const [row] = await schema.database.query<object>(
    `SELECT status, reason, total_amount AS totalAmount, discount_amount AS discountAmount FROM redemptions WHERE order_id = ?`,
    [orderId],
  );
  return row;
}

/** Statuses of all coupons of these users, and of the redemptions of these orders, counted. */
async function tally(coupons: readonly { couponId: string }[], orders: readonly { orderId: string }[]) {
  const counts: Record<string, number> = {};
  const count = async (sql: string, ids: readonly string[]) => {
    const rows = await schema.database.query<{ status: string; n: number }>(
      sql.replace('(?)', `(${ids.map(() => '?').join()})`),
      ids,
    );
    for (const { status, n } of rows) counts[status] = n;
  };
  await count(
    'SELECT status, COUNT(*) AS n FROM coupons WHERE coupon_id IN (?) GROUP BY status',
    coupons.map((it) => it.couponId),
  );
  await count(
    'SELECT status, COUNT(*) AS n FROM redemptions WHERE order_id IN (?) GROUP BY status',
    orders.map((it) => it.orderId),
  );
  return counts;
}

describe('a batch of a thousand orders', () => {
  it('when each order names a coupon, then four statements use them and four give them back', async () => {
    const coupons = await newCoupons(1_000);
    const orders = coupons.map(orderOf);
    expect(await batch(orders.map((order) => stockReserved(order)))).toHaveLength(4);
    expect(await tally(coupons, orders)).toEqual({ USED: 1_000, REDEEMED: 1_000 });
    expect(await batch(orders.map((order) => cancelled(order)))).toHaveLength(4);
    expect(await tally(coupons, orders)).toEqual({ ISSUED: 1_000, RETURNED: 1_000 });
    expect(published.map((it) => it.type)).toEqual(Array(1_000).fill('coupon-redeemed'));
  });

  it('when all orders name one coupon, then one order gets it', async () => {
    const coupon = await newCoupon();
    const orders = Array.from({ length: 1_000 }, () => orderOf(coupon));
    expect(await batch(orders.map((order) => stockReserved(order)))).toHaveLength(4);
    expect(await tally([coupon], orders)).toEqual({ USED: 1, REDEEMED: 1, REJECTED: 999 });
    expect(await couponOf(coupon)).toMatchObject({ orderId: orders[0]?.orderId });
  });

  it('when no order names a coupon, then the database is not asked', async () => {
    expect(await batch([stockReserved({ couponId: null }), cancelled({ couponId: null })])).toEqual([]);
  });
});

it('when a coupon is used and given back, then only its use changes', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  const before = await couponOf(coupon);
  await batch([stockReserved({ ...order, totalAmount: 700 })]);
  expect(await couponOf(coupon)).toEqual({ ...before, status: 'USED', orderId: order.orderId, usedAt: NOW });
  const amounts = { totalAmount: 700, discountAmount: 700 };
  expect(await redemptionOf(order)).toEqual({ status: 'REDEEMED', reason: null, ...amounts });
  await batch([cancelled(order)]);
  expect(await couponOf(coupon)).toEqual(before);
  expect(await redemptionOf(order)).toEqual({ status: 'RETURNED', reason: null, ...amounts });
});

it('when a coupon expires before it is given back, then it is EXPIRED', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  await batch([stockReserved(order)]);
  now = EXPIRES;
  await batch([cancelled(order)]);
  expect(await couponOf(coupon)).toMatchObject({ status: 'EXPIRED', orderId: null, usedAt: null });
});

it('when a coupon expired after its order was placed, and was marked meanwhile, then the order uses it', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  now = new Date(EXPIRES.getTime() + 3_600_000);
  expect(await expireCoupons(schema.database, now)).toBeGreaterThan(0);
  await batch([stockReserved(order)]);
  expect(await redemptionOf(order)).toMatchObject({ status: 'REDEEMED' });
  expect(await couponOf(coupon)).toMatchObject({ status: 'USED', orderId: order.orderId });
  await batch([cancelled(order)]);
  expect(await couponOf(coupon)).toMatchObject({ status: 'EXPIRED', orderId: null, usedAt: null });
});

it('when a coupon cannot be used, then the reason is stored and published, and no coupon changes', async () => {
  const coupon = await newCoupon();
  const before = await couponOf(coupon);
  const strangers = { ...orderOf(coupon), userId: 999_999 };
  const unknown = orderOf({ ...coupon, couponId: '00000000-0000-0000-0000-000000000000' });
  await batch([stockReserved(strangers), stockReserved(unknown)]);
  for (const order of [strangers, unknown]) {
    expect(await redemptionOf(order)).toMatchObject({ status: 'REJECTED', reason: 'COUPON_NOT_FOUND' });
  }
  now = new Date(EXPIRES.getTime() + 1_000);
  const late = orderOf(coupon);
  await batch([stockReserved(late)]);
  expect(await redemptionOf(late)).toMatchObject({ status: 'REJECTED', reason: 'COUPON_EXPIRED' });
  expect(await couponOf(coupon)).toEqual(before);
  expect(published.map((it) => it.data)).toMatchObject([
    { ...strangers, reason: 'COUPON_NOT_FOUND' },
    { ...unknown, reason: 'COUPON_NOT_FOUND' },
    { ...late, reason: 'COUPON_EXPIRED' },
  ]);
});

it('when a coupon was revoked while an order had it, then it comes back REVOKED, and no order gets it any more', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  await batch([stockReserved(order)]);
  await schema.database.execute('UPDATE coupons SET revoked_at = ? WHERE coupon_id = ?', [NOW, coupon.couponId]);
  await batch([cancelled(order)]);
  expect(await couponOf(coupon)).toMatchObject({ status: 'REVOKED', orderId: null });
  const next = orderOf(coupon);
  await batch([stockReserved(next)]);
  expect(await redemptionOf(next)).toMatchObject({ status: 'REJECTED', reason: 'COUPON_REVOKED' });
  expect(await couponOf(coupon)).toMatchObject({ status: 'REVOKED', orderId: null });
});

it('when a coupon takes nothing off an order, then it stays ISSUED, also for the next order, and after a cancellation', async () => {
  const coupon = await newCoupon();
  const before = await couponOf(coupon);
  const free = { ...orderOf(coupon), totalAmount: 0 };
  await batch([stockReserved(free)]);
  expect(await redemptionOf(free)).toMatchObject({ status: 'SPARED' });
  expect(await couponOf(coupon)).toEqual(before);
  const next = orderOf(coupon);
  await batch([cancelled(free), stockReserved(next)]);
  expect(await redemptionOf(free)).toMatchObject({ status: 'SPARED' });
  expect(await couponOf(coupon)).toMatchObject({ status: 'USED', orderId: next.orderId });
  expect(published.map((it) => it.data)).toMatchObject([
    { orderId: free.orderId, discountAmount: 0, payableAmount: 0 },
    { orderId: next.orderId, discountAmount: 1_000 },
  ]);
});

it('when the cancellation comes first, then the later stock-reserved uses no coupon', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  await batch([cancelled(order)]);
  await batch([stockReserved(order)]);
  expect(await tally([coupon], [order])).toEqual({ ISSUED: 1, VOID: 1 });
  expect(published).toEqual([]);
});

it('when the same events come again, then the coupon is used once and given back once', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  for (let n = 0; n < 3; n++) await batch([stockReserved(order), stockReserved(order)]);
  await batch([cancelled(order)]);
  const next = orderOf(coupon);
  await batch([stockReserved(next)]);
  // The former order's cancellation does not take the coupon from the new one.
  for (let n = 0; n < 3; n++) await batch([cancelled(order), stockReserved(order)]);
  expect(await couponOf(coupon)).toMatchObject({ status: 'USED', orderId: next.orderId });
  expect(published).toHaveLength(2);
});

it('when orders that name the same coupon are handled at once, then exactly one gets it', async () => {
  const coupons = await newCoupons(10);
  const orders = Array.from({ length: 8 }, () => coupons.map(orderOf));
  // Coupons in every order: without locks in key order these would deadlock.
  await Promise.all(
    orders.map((some, n) => patiently((n % 2 ? some.toReversed() : some).map((order) => stockReserved(order)))),
  );
  expect(await tally(coupons, orders.flat())).toEqual({ USED: 10, REDEEMED: 10, REJECTED: 70 });
  expect(published.filter((it) => it.type === 'coupon-redeemed')).toHaveLength(10);
});

it('when stock-reserved and order-cancelled are handled at once, then one waits or runs again, and no coupon is lost', async () => {
  const coupons = await newCoupons(20);
  const orders = coupons.map(orderOf);
  const reserved = orders.map((order) => stockReserved(order));
  const dead = orders.map((order) => cancelled(order)).toReversed();
  await Promise.all([patiently(reserved), patiently(dead), ...reserved.map((event) => patiently([event]))]);
  const counts = await tally(coupons, orders);
  expect(counts).toMatchObject({ ISSUED: 20 });
  expect((counts.RETURNED ?? 0) + (counts.VOID ?? 0)).toBe(20);
});

it('when a coupon would be USED without an order, or a redemption exceed its order, then the database refuses it', async () => {
  const coupon = await newCoupon();
  const order = orderOf(coupon);
  await batch([stockReserved(order)]);
  const refused = (sql: string, id: string) =>
    schema.database.execute(sql, [id]).then(
      () => false,
      (error: unknown) => isDataError(error),
    );
  expect(await refused('UPDATE coupons SET order_id = NULL WHERE coupon_id = ?', coupon.couponId)).toBe(true);
  expect(await refused(`UPDATE coupons SET status = 'ISSUED' WHERE coupon_id = ?`, coupon.couponId)).toBe(true);
  expect(await refused('UPDATE redemptions SET discount_amount = 3001 WHERE order_id = ?', order.orderId)).toBe(true);
});
