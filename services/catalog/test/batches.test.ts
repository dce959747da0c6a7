import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isDataError, isDuplicateKey } from '@shop/chassis';
import { migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import type { NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { sqlCatalogStore } from '../src/db/catalog-store.ts';
import type { OrderEvent } from '../src/domain/reservation.ts';
import { createReserveStock } from '../src/usecases/reserve-stock.ts';
import { cancelled, completed, created } from './examples.ts';

let schema: TestDatabase;
const published: NewEvent[] = [];
const outbox = { append: async (_tx: unknown, events: readonly NewEvent[]) => void published.push(...events) };
const handle = createReserveStock({ store: sqlCatalogStore, outbox, now: () => new Date() });

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(() => void published.splice(0));

/** Handles a batch in one transaction. @returns its statements */
async function batch(events: readonly OrderEvent[]): Promise<string[]> {
  const statements: string[] = [];
  await schema.database.transaction((tx) => handle(noting(tx, statements), events));
  return statements;
}

async function newProduct(stock: number): Promise<number> {
  const { insertId } = await schema.database.execute(
    `INSERT INTO products (name, price, initial_stock, available, created_at, updated_at) VALUES ('p', 100, ?, ?, NOW(3), NOW(3))`,
    [stock, stock],
  );
  return insertId;
}

async function stockOf(productId: number): Promise<object | undefined> {
  const [row] = await schema.database.query<object>(
    'SELECT available, reserved, sold FROM products WHERE product_id = ?',
    [productId],
  );
  return row;
}

async function statuses(orderIds: readonly string[]): Promise<Record<string, number>> {
  const rows = await schema.database.query<{ status: string; orders: number }>(
    `SELECT status, COUNT(*) AS orders FROM reservations WHERE order_id IN (${orderIds.map(() => '?').join()}) GROUP BY status`,
    orderIds,
  );
  return Object.fromEntries(rows.map((row) => [row.status, row.orders]));
}

const ids = (count: number) => Array.from({ length: count }, () => uuidv7());

describe('a batch of a thousand orders', () => {
  it('when a thousand orders want one product, then five statements reserve, sell and restore its stock', async () => {
    const productId = await newProduct(900);
    const orderIds = ids(1_000);
    const lines = [{ productId, quantity: 1 }];

    expect(await batch(orderIds.map((orderId) => created({ orderId, lines })))).toHaveLength(5);
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 900, sold: 0 });
    expect(await statuses(orderIds)).toEqual({ ACTIVE: 900, REJECTED: 100 });
    expect(published).toHaveLength(1_000);

    expect(await batch(orderIds.slice(0, 400).map((orderId) => completed(orderId)))).toHaveLength(5);
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 500, sold: 400 });

    expect(await batch(orderIds.map((orderId) => cancelled(orderId)))).toHaveLength(5);
    expect(await stockOf(productId)).toEqual({ available: 900, reserved: 0, sold: 0 });
    expect(await statuses(orderIds)).toEqual({ RELEASED: 900, REJECTED: 100 });
  });

  it('when every kind of event is mixed over many products, then at most seven statements are used', async () => {
    const products = await Promise.all(ids(20).map(() => newProduct(1_000)));
    const lines = products.slice(0, 3).map((productId) => ({ productId, quantity: 2 }));
    const [sold = [], gone = [], fresh = [], never = []] = [ids(250), ids(250), ids(250), ids(250)];
    await batch([...sold, ...gone].map((orderId) => created({ orderId, lines })));
    const statements = await batch([
      ...sold.map((orderId) => completed(orderId)),
      ...gone.map((orderId) => cancelled(orderId)),
      ...fresh.map((orderId, n) => created({ orderId, lines: [{ productId: products[n % 20] ?? 0, quantity: 1 }] })),
      ...never.map((orderId) => cancelled(orderId)),
    ]);
    expect(statements.length).toBeLessThanOrEqual(7);
    expect(await statuses([...sold, ...gone, ...fresh, ...never])).toEqual({
      SOLD: 250,
      RELEASED: 250,
      ACTIVE: 250,
      VOID: 250,
    });
  });
});

it('when a reservation is read back, then it is sold with the names and prices it was made with', async () => {
  const productId = await newProduct(5);
  const orderId = uuidv7();
  await batch([created({ orderId, lines: [{ productId, quantity: 2 }], couponId: uuidv7() })]);
  await schema.database.execute(`UPDATE products SET price = 999, name = 'renamed' WHERE product_id = ?`, [productId]);
  await batch([completed(orderId)]);
  const [row] = await schema.database.query<object>(
    `SELECT r.status, r.total_amount, l.name, l.unit_price, l.quantity
       FROM reservations r JOIN reservation_lines l ON l.order_id = r.order_id WHERE r.order_id = ?`,
    [orderId],
  );
  expect(row).toEqual({ status: 'SOLD', total_amount: 200, name: 'p', unit_price: 100, quantity: 2 });
  const [product] = await schema.database.query<object>('SELECT name, price, sold FROM products WHERE product_id = ?', [
    productId,
  ]);
  expect(product).toEqual({ name: 'renamed', price: 999, sold: 2 });
});

it('when two batches share products in opposite order, then they wait for each other and both succeed', async () => {
  const [a, b] = [await newProduct(2_000), await newProduct(2_000)];
  const forth = [a, b].map((productId) => ({ productId, quantity: 1 }));
  const rounds = Array.from({ length: 8 }, (_, n) =>
    batch(ids(100).map((orderId) => created({ orderId, lines: n % 2 === 0 ? forth : forth.toReversed() }))),
  );
  await Promise.all(rounds);
  expect(await stockOf(a)).toEqual({ available: 1_200, reserved: 800, sold: 0 });
  expect(await stockOf(b)).toEqual({ available: 1_200, reserved: 800, sold: 0 });
});

it('when two transactions hold the same new order, then one gets a duplicate key and does nothing until it runs again', async () => {
  const productId = await newProduct(10);
  const events = [created({ orderId: uuidv7(), lines: [{ productId, quantity: 1 }] })];
  const loaded = Promise.withResolvers<void>();
  let waiting = 2;
  const meeting = {
    ...sqlCatalogStore,
    // No product is locked, so both get this far: the gap of the new order is not locked either.
    load: async (...[tx]: Parameters<typeof sqlCatalogStore.load>) => {
      const snapshot = await sqlCatalogStore.load(tx, { orderIds: [events[0]?.data.orderId ?? ''], productIds: [] });
      waiting -= 1;
      if (waiting === 0) loaded.resolve();
      await loaded.promise;
      return snapshot;
    },
  };
  const both = createReserveStock({ store: meeting, outbox, now: () => new Date() });
  const run = () => schema.database.transaction((tx) => both(tx, events));
  const outcomes = await Promise.allSettled([run(), run()]);
  const failures = outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason as unknown] : []));
  expect(failures).toHaveLength(1);
  expect(isDuplicateKey(failures[0])).toBe(true);

  published.splice(0);
  await batch(events);
  expect(published).toEqual([]);
});

it('when stock would not add up, then the database refuses it', async () => {
  const productId = await newProduct(10);
  const spoil = (set: string) =>
    schema.database.execute(`UPDATE products SET ${set} WHERE product_id = ?`, [productId]).then(
      () => 'accepted',
      (error: unknown) => isDataError(error),
    );
  expect(await spoil('available = available - 1')).toBe(true);
  expect(await spoil('available = available - 11, reserved = reserved + 11')).toBe(true);
});
