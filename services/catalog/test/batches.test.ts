import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isDataError, isDuplicateKey } from '@shop/chassis';
import { migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import type { NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { sqlCatalogStore } from '../src/db/catalog-store.ts';
import type { OrderEvent } from '../src/domain/reservation.ts';
import type { OrderedLine } from '../src/domain/states.ts';
import { createCompanions } from '../src/usecases/companions.ts';
import { createReserveStock } from '../src/usecases/reserve-stock.ts';
import { cancelled, completed, created, LIMITS } from './examples.ts';

let schema: TestDatabase;
const published: NewEvent[] = [];
const outbox = { append: async (_tx: unknown, events: readonly NewEvent[]) => void published.push(...events) };
const stock = { companions: createCompanions(), limits: LIMITS, outbox, now: () => new Date() };
const handle = createReserveStock({ ...stock, store: sqlCatalogStore });

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(() => void published.splice(0));

/** Handles a batch in one transaction. @returns its statements */
async function batch(events: readonly OrderEvent[], by = handle): Promise<string[]> {
  const statements: string[] = [];
  await schema.database.transaction((tx) => by(noting(tx, statements), events));
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
    const orderIds = ids(900);
    const lines = [{ productId, quantity: 1 }];
    const sellers = createReserveStock({ ...stock, limits: { ...LIMITS, unpaidPieces: 20 }, store: sqlCatalogStore });
    const order = (orderId: string, n: number) => created({ orderId, userId: n, lines });

    expect(await batch(orderIds.map(order), sellers)).toHaveLength(5);
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 900, sold: 0 });
    expect(await statuses(orderIds)).toEqual({ ACTIVE: 900 });
    expect(published).toHaveLength(900);

    const sold = orderIds.slice(0, 400).map((orderId) => completed(orderId, lines));
    expect(await batch(sold, sellers)).toHaveLength(5);
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 500, sold: 400 });

    expect(
      await batch(
        orderIds.map((orderId) => cancelled(orderId, lines)),
        sellers,
      ),
    ).toHaveLength(5);
    expect(await stockOf(productId)).toEqual({ available: 900, reserved: 0, sold: 0 });
    expect(await statuses(orderIds)).toEqual({ RELEASED: 900 });
  });

  it('when every kind of event is mixed over many products, then at most seven statements are used', async () => {
    const products = await Promise.all(ids(20).map(() => newProduct(1_000)));
    const lines = products.slice(0, 3).map((productId) => ({ productId, quantity: 2 }));
    const [sold = [], gone = [], fresh = [], never = []] = [ids(250), ids(250), ids(250), ids(250)];
    await batch([...sold, ...gone].map((orderId) => created({ orderId, lines })));
    const statements = await batch([
      ...sold.map((orderId) => completed(orderId, lines)),
      ...gone.map((orderId) => cancelled(orderId, lines)),
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
  await batch([completed(orderId, [{ productId, quantity: 2 }])]);
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
  const meeting: typeof sqlCatalogStore = {
    ...sqlCatalogStore,
    // No product is locked, so both get this far: the gap of the new order is not locked either.
    lockStock: async () => ({ products: new Map(), line: new Map() }),
    loadReservations: async (...given) => {
      const known = await sqlCatalogStore.loadReservations(...given);
      waiting -= 1;
      if (waiting === 0) loaded.resolve();
      await loaded.promise;
      return known;
    },
  };
  const both = createReserveStock({ ...stock, store: meeting });
  const run = () => schema.database.transaction((tx) => both(tx, events));
  const outcomes = await Promise.allSettled([run(), run()]);
  const failures = outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason as unknown] : []));
  expect(failures).toHaveLength(1);
  expect(isDuplicateKey(failures[0])).toBe(true);

  published.splice(0);
  await batch(events);
  expect(published).toEqual([]);
});

describe('orders in line', () => {
  const of = (productId: number, quantity = 1): OrderedLine[] => [{ productId, quantity }];

  it('when a thousand orders want nine hundred pieces, then the last hundred wait, and two more statements write that', async () => {
    const productId = await newProduct(900);
    const orderIds = ids(1_000);
    const orders = orderIds.map((orderId, n) => created({ orderId, userId: n, lines: of(productId) }));
    expect(await batch(orders)).toHaveLength(6);
    expect(await statuses(orderIds)).toEqual({ ACTIVE: 900, WAITING: 100 });
    expect(published.map((it) => it.type).slice(-100)).toEqual(ids(100).map(() => 'stock-awaited'));

    published.splice(0);
    const back = orderIds.slice(0, 40).map((orderId) => cancelled(orderId, of(productId)));
    expect((await batch(back)).length).toBeLessThanOrEqual(9);
    expect(await statuses(orderIds)).toEqual({ ACTIVE: 900, WAITING: 60, RELEASED: 40 });
    const served = published.filter((it) => it.type === 'stock-reserved').map((it) => it.data.orderId);
    expect(served).toEqual(orderIds.slice(900, 940));

    const rest = orderIds.slice(40, 940).map((orderId) => completed(orderId, of(productId)));
    await batch(rest);
    expect(await statuses(orderIds)).toEqual({ SOLD: 900, REJECTED: 60, RELEASED: 40 });
    expect(await schema.database.query('SELECT * FROM waiting_lines')).toEqual([]);
  });

  it('when an order in line wants a product of a lower id too, then the batch begins again and locks both in order', async () => {
    const [low, high] = [await newProduct(1), await newProduct(1)];
    const [a = '', b = '', both = ''] = ids(3);
    const pair = [...of(low), ...of(high)];
    await batch([created({ orderId: a, lines: of(low) }), created({ orderId: b, lines: of(high) })]);
    await batch([created({ orderId: both, lines: pair })]);
    await batch([cancelled(a, of(low))]);
    // A process that has not met this line yet, and so does not know that `low` belongs to it.
    const stranger = createReserveStock({ ...stock, companions: createCompanions(), store: sqlCatalogStore });
    const locks = (await batch([cancelled(b, of(high))], stranger)).filter((sql) => sql.includes('FROM products'));
    expect(locks).toHaveLength(2);
    expect(await statuses([a, b, both])).toEqual({ RELEASED: 2, ACTIVE: 1 });
    expect([await stockOf(low), await stockOf(high)]).toEqual(
      [low, high].map(() => ({ available: 0, reserved: 1, sold: 0 })),
    );
  });

  it('when many batches serve and fill the lines of the same products at once, then none fails and nothing is lost', async () => {
    const products = await Promise.all(ids(3).map(() => newProduct(4)));
    const pick = (n: number): OrderedLine[] =>
      products.filter((_, at) => (n >> at) % 2 === 1).flatMap((productId) => of(productId));
    const orders = ids(60).map((orderId, n) => ({ orderId, userId: n, lines: pick(1 + (n % 7)) }));
    const instances = [0, 1, 2, 3].map(() =>
      createReserveStock({ ...stock, companions: createCompanions(), store: sqlCatalogStore }),
    );
    await Promise.all(
      instances.map(async (by, n) => {
        const own = orders.filter((_, at) => at % instances.length === n);
        for (const it of own) await batch([created(it)], by);
        for (const it of own) await batch([cancelled(it.orderId, it.lines)], by);
      }),
    );
    const ended = await statuses(orders.map((it) => it.orderId));
    expect((ended.RELEASED ?? 0) + (ended.VOID ?? 0)).toBe(60);
    for (const productId of products) {
      expect(await stockOf(productId)).toEqual({ available: 4, reserved: 0, sold: 0 });
    }
    expect(await schema.database.query('SELECT * FROM waiting_lines')).toEqual([]);
    expect(await schema.database.query('SELECT * FROM products WHERE waiting <> 0')).toEqual([]);
  });

  it('when one user’s unpaid orders reach the limit, then the next waits, and others are served past it', async () => {
    const productId = await newProduct(50);
    const limited = createReserveStock({ ...stock, limits: { ...LIMITS, unpaidPieces: 20 }, store: sqlCatalogStore });
    const [first, second, third, others] = ids(4);
    const order = (orderId: string | undefined, userId: number, quantity: number) =>
      created({ orderId: orderId ?? '', userId, lines: of(productId, quantity) });
    await batch([order(first, 1, 12), order(second, 1, 8)], limited);
    await batch([order(third, 1, 1), order(others, 2, 20)], limited);
    expect(published.map((it) => it.type)).toEqual([
      'stock-reserved',
      'stock-reserved',
      'stock-awaited',
      'stock-reserved',
    ]);
    await batch([completed(second, of(productId, 8))], limited);
    expect(published.at(-1)).toMatchObject({ type: 'stock-reserved', data: { orderId: third } });
    await batch([order(ids(1)[0], 3, 21)], limited);
    expect(published.at(-1)).toMatchObject({ type: 'stock-rejected', data: { reason: 'QUANTITY_ABOVE_LIMIT' } });
  });
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
