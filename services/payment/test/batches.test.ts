import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isDataError, isDuplicateKey } from '@shop/chassis';
import { migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import type { NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { sqlPaymentStore } from '../src/db/payment-store.ts';
import type { SagaEvent } from '../src/domain/payment.ts';
import { createPayOrders } from '../src/usecases/pay-orders.ts';
import { cancelled, couponRedeemed, stockReserved } from './examples.ts';

let schema: TestDatabase;
const published: NewEvent[] = [];
const outbox = { append: async (_tx: unknown, events: readonly NewEvent[]) => void published.push(...events) };
const handle = createPayOrders({ store: sqlPaymentStore, outbox, now: () => new Date() });

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(() => void published.splice(0));

/** Handles a batch in one transaction. @returns its statements */
async function batch(events: readonly SagaEvent[]): Promise<string[]> {
  const statements: string[] = [];
  await schema.database.transaction((tx) => handle(noting(tx, statements), events));
  return statements;
}

let lastUserId = 0;

/** Creates users with an account of `balance` won each. */
async function newUsers(count: number, balance: number): Promise<number[]> {
  const userIds = Array.from({ length: count }, () => ++lastUserId);
  await schema.database.execute(
    `INSERT INTO accounts (user_id, balance, created_at, updated_at) VALUES ${userIds.map(() => '(?, ?, NOW(3), NOW(3))').join()}`,
    userIds.flatMap((userId) => [userId, balance]),
  );
  return userIds;
}

async function totalOf(userIds: readonly number[]): Promise<number> {
  const [row] = await schema.database.query<{ total: number }>(
    `SELECT SUM(balance) AS total FROM accounts WHERE user_id IN (${userIds.map(() => '?').join()})`,
    userIds,
  );
  return row?.total ?? 0;
}

async function historyOf(orderId: string): Promise<object[]> {
  return await schema.database.query<object>(
    'SELECT type, amount, balance_after FROM point_history WHERE order_id = ? ORDER BY id',
    [orderId],
  );
}

async function statusOf(orderId: string): Promise<string | undefined> {
  const [row] = await schema.database.query<{ status: string }>('SELECT status FROM payments WHERE order_id = ?', [
    orderId,
  ]);
  return row?.status;
}

describe('a batch of a thousand orders', () => {
  it('when each order is of another user, then five statements take the points and five give them back', async () => {
    const userIds = await newUsers(1_000, 5_000);
    const orders = userIds.map((userId) => ({ orderId: uuidv7(), userId }));
    expect(await batch(orders.map((order) => stockReserved({ ...order, totalAmount: 2_000 })))).toHaveLength(5);
    expect(await totalOf(userIds)).toBe(3_000_000);
    expect(await batch(orders.map((order) => cancelled(order)))).toHaveLength(5);
    expect(await totalOf(userIds)).toBe(5_000_000);
    expect(published.filter((it) => it.type === 'payment-refunded')).toHaveLength(1_000);
  });

  it('when each order is discounted by its coupon, then it takes as many statements, and the paid points come back', async () => {
    const userIds = await newUsers(1_000, 5_000);
    const orders = userIds.map((userId) => ({ orderId: uuidv7(), userId }));
    const unpaid = orders.map((order) => stockReserved({ ...order, couponId: 'c' }));
    expect(await batch([...unpaid, ...orders.map((order) => couponRedeemed(order))])).toHaveLength(5);
    expect(await totalOf(userIds)).toBe(3_000_000);
    expect(await batch(orders.map((order) => cancelled(order)))).toHaveLength(5);
    expect(await totalOf(userIds)).toBe(5_000_000);
  });

  it('when all orders are of one user, then those that fit are paid and the account is written once', async () => {
    const userIds = await newUsers(1, 50_000);
    const orders = Array.from({ length: 1_000 }, () => ({ orderId: uuidv7(), userId: userIds[0] ?? 0 }));
    const statements = await batch(orders.map((order) => stockReserved({ ...order, totalAmount: 100 })));
    expect(statements.filter((sql) => sql.startsWith('INSERT INTO accounts'))).toHaveLength(1);
    expect(published.filter((it) => it.type === 'payment-completed')).toHaveLength(500);
    expect(published.filter((it) => it.type === 'payment-failed')).toHaveLength(500);
    expect(await totalOf(userIds)).toBe(0);
  });
});

it('when the cancellation comes first, then the later stock-reserved takes nothing', async () => {
  const [userId = 0] = await newUsers(1, 5_000);
  const order = { orderId: uuidv7(), userId };
  await batch([cancelled(order)]);
  await batch([stockReserved(order)]);
  expect(await statusOf(order.orderId)).toBe('VOID');
  expect(await totalOf([userId])).toBe(5_000);
  expect(await historyOf(order.orderId)).toEqual([]);
  expect(published).toEqual([]);
});

it('when the cancellation comes before coupon-redeemed, then nothing is taken', async () => {
  const [userId = 0] = await newUsers(1, 5_000);
  const order = { orderId: uuidv7(), userId };
  await batch([stockReserved({ ...order, couponId: 'c' }), cancelled(order)]);
  await batch([couponRedeemed(order)]);
  expect(await statusOf(order.orderId)).toBe('VOID');
  expect(await totalOf([userId])).toBe(5_000);
  expect(published).toEqual([]);
});

it('when the same events come again, then points are taken once and given back once', async () => {
  const [userId = 0] = await newUsers(1, 5_000);
  const order = { orderId: uuidv7(), userId };
  for (let n = 0; n < 3; n++) await batch([stockReserved(order), stockReserved(order)]);
  expect(await totalOf([userId])).toBe(2_000);
  for (let n = 0; n < 3; n++) await batch([cancelled(order), stockReserved(order)]);
  expect(await historyOf(order.orderId)).toEqual([
    { type: 'USE', amount: 3_000, balance_after: 2_000 },
    { type: 'REFUND', amount: 3_000, balance_after: 5_000 },
  ]);
});

it('when a user never charged, then the payment fails and no account appears', async () => {
  const order = { orderId: uuidv7(), userId: 999_999 };
  await batch([stockReserved(order)]);
  expect(await statusOf(order.orderId)).toBe('FAILED');
  expect(await totalOf([order.userId])).toBe(0);
});

it('when stock-reserved and order-cancelled are handled at once, then one waits or runs again, and no won is lost', async () => {
  const userIds = await newUsers(20, 5_000);
  const orders = userIds.map((userId) => ({ orderId: uuidv7(), userId }));
  // Runs again after a duplicate key, like the consumer.
  const patiently = async (events: readonly SagaEvent[]): Promise<void> => {
    await batch(events).catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
      return patiently(events);
    });
  };
  const reserved = orders.map((order) => stockReserved(order));
  const dead = orders.map((order) => cancelled(order)).toReversed();
  await Promise.all([patiently(reserved), patiently(dead), ...reserved.map((event) => patiently([event]))]);
  for (const { orderId } of orders) expect(['REFUNDED', 'VOID']).toContain(await statusOf(orderId));
  expect(await totalOf(userIds)).toBe(100_000);
});

it('when a second capture or a negative balance is written, then the database refuses it', async () => {
  const [userId = 0] = await newUsers(1, 5_000);
  const order = { orderId: uuidv7(), userId };
  await batch([stockReserved(order)]);
  const refused = (sql: string, params: (string | number)[]) =>
    schema.database.execute(sql, params).then(
      () => false,
      (error: unknown) => isDataError(error),
    );
  const use = `INSERT INTO point_history (user_id, type, amount, balance_after, order_id, created_at) VALUES (?, 'USE', 1, 1, ?, NOW(3))`;
  expect(await refused(use, [userId, order.orderId])).toBe(true);
  expect(await refused('UPDATE accounts SET balance = -1 WHERE user_id = ?', [userId])).toBe(true);
});
