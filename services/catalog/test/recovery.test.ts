import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Transaction } from '@shop/chassis';
import { migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import type { EventDataByType, NewEvent, Outbox } from '@shop/events';
import { sqlCatalogStore } from '../src/db/catalog-store.ts';
import { sqlFactStore } from '../src/db/fact-store.ts';
import { sqlProductStore } from '../src/db/product-store.ts';
import { createRecoveryStore } from '../src/db/recovery-store.ts';
import type { CatalogFact } from '../src/domain/facts.ts';
import type { OrderEvent } from '../src/domain/reservation.ts';
import { createApplyEnds, createApplyFacts } from '../src/usecases/apply-facts.ts';
import { createProductChanges } from '../src/usecases/change-products.ts';
import { createCompanions } from '../src/usecases/companions.ts';
import { createRecoverStock } from '../src/usecases/recover-stock.ts';
import { createReserveStock } from '../src/usecases/reserve-stock.ts';
import { cancelled, completed, created, LIMITS, orderIdOf } from './examples.ts';

let schema: TestDatabase;
const published: NewEvent[] = [];
const warnings: string[] = [];

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(async () => {
  published.splice(0);
  warnings.splice(0);
  const tables = ['products', 'product_changes', 'reservations', 'reservation_lines', 'waiting_lines'];
  for (const table of [...tables, 'idempotency_key']) await schema.database.execute(`DELETE FROM ${table}`);
});

const applyFacts = createApplyFacts(sqlFactStore);
const applyEnds = createApplyEnds(sqlFactStore, { acceptGaps: false });
const facts = (events: readonly CatalogFact[], acceptGaps = false) =>
  schema.database.transaction((tx) => applyFacts(tx, events, { acceptGaps }));
const ends = (events: readonly OrderEvent[]) => schema.database.transaction((tx) => applyEnds(tx, events));

/** The last step: count, serve the line, decide `open`. */
async function finish(open: readonly OrderEvent[] = [], acceptGaps = false): Promise<void> {
  const last = createRecoverStock({
    ...{ store: sqlCatalogStore, companions: createCompanions(), limits: LIMITS, acceptGaps },
    outbox: { append: async (_tx, events) => void published.push(...events) },
    ...{ now: () => new Date(), present: () => new Date(), warn: (words) => void warnings.push(words) },
    ...{ transactor: schema.database, recovery: createRecoveryStore(schema.database) },
  });
  await last.before(async () => {});
  for (const event of open) await schema.database.transaction((tx) => last.handle(tx, [event]));
}

const stockOf = async (productId: number) =>
  (
    await schema.database.query<object>(
      'SELECT initial_stock, restocked, taken_back, available, reserved, sold, waiting FROM products WHERE product_id = ?',
      [productId],
    )
  )[0];
const reservations = () =>
  schema.database.query<object>('SELECT order_id, status, waited FROM reservations ORDER BY order_id');

let lastRequest = 0;

function origin(key: string) {
  return { id: `fact-${++lastRequest}`, time: new Date(), key, topic: 'catalog-events', partition: 0, offset: '0' };
}

function changed(version: number, stockDelta: number, more: Partial<EventDataByType['product-changed']> = {}) {
  const requestId = `0199c0de-0000-7000-9000-${(++lastRequest).toString(16).padStart(12, '0')}`;
  const keys = { requestId, idempotencyKey: null, requestHash: null };
  const change = version === 1 ? 'CREATED' : 'UPDATED';
  const data = { productId: 1, change, name: 'chair', price: 1000, stockDelta, version, onSale: true, available: 7 };
  return { ...origin('1'), type: 'product-changed' as const, data: { ...data, ...keys, ...more } };
}

function reserved(order: number, quantity: number) {
  const lines = [{ productId: 1, name: 'chair', unitPrice: 1000, quantity }];
  const data = { orderId: orderIdOf(order), userId: order, couponId: null, lines, totalAmount: 1000 * quantity };
  return { ...origin(orderIdOf(order)), type: 'stock-reserved' as const, data };
}

function awaited(order: number, quantity: number, isOld = false) {
  const lines = isOld ? null : [{ productId: 1, quantity }];
  const place = { reason: 'PIECES_HELD', productId: 1, lines, expectedTotal: null };
  const data = { orderId: orderIdOf(order), userId: order, couponId: null, ...place };
  return { ...origin(orderIdOf(order)), type: 'stock-awaited' as const, data };
}

const wants = (quantity: number) => [{ productId: 1, quantity }];

describe('a restored catalog', () => {
  it('when the same pieces were held three times and some were taken back, then its stock is what it was', async () => {
    await facts([changed(1, 10), reserved(1, 10), reserved(2, 10), reserved(3, 6), changed(2, 4), changed(3, -3)]);
    // Until it is counted, nothing of it can be sold.
    expect(await stockOf(1)).toMatchObject({ available: 0, reserved: 0, sold: 11 });
    await ends([cancelled(orderIdOf(1), wants(10)), cancelled(orderIdOf(2), wants(10))]);
    await ends([completed(orderIdOf(2), wants(10)), completed(orderIdOf(3), wants(6))]);
    await finish();
    const pieces = { initial_stock: 10, restocked: 4, taken_back: 3 };
    expect(await stockOf(1)).toEqual({ ...pieces, available: 5, reserved: 0, sold: 6, waiting: 0 });
    expect(published).toEqual([]);
  });

  it('when an order ended that nobody has heard of, then those in line get what it left, in their order', async () => {
    await facts([changed(1, 10), reserved(1, 10), awaited(2, 6), awaited(3, 5), awaited(4, 4)]);
    await ends([cancelled(orderIdOf(1), wants(10))]);
    await finish([created({ orderId: orderIdOf(5), userId: 5, lines: wants(1) })]);
    expect(await reservations()).toMatchObject(
      ['RELEASED', 'ACTIVE', 'WAITING', 'WAITING', 'WAITING'].map((status) => ({ status })),
    );
    expect(await stockOf(1)).toMatchObject({ available: 4, reserved: 6, waiting: 3 });
    expect(published.map(({ type, data }) => [type, 'orderId' in data && data.orderId])).toEqual([
      ['stock-reserved', orderIdOf(2)],
      ['stock-awaited', orderIdOf(5)],
    ]);
  });

  it('when facts come twice, then nothing changes', async () => {
    const all = [changed(1, 10), reserved(1, 9), awaited(2, 6), changed(2, -1)];
    await facts(all);
    await finish();
    const before = [await stockOf(1), await reservations()];
    await facts(all);
    await finish();
    expect([await stockOf(1), await reservations()]).toEqual(before);
  });
});

describe('a restock', () => {
  it('when orders in line get its pieces, then it is published before them', async () => {
    const now = () => new Date();
    const outbox: Outbox<Transaction> = { append: async (_tx, events) => void published.push(...events) };
    const rules = { store: sqlCatalogStore, companions: createCompanions(), limits: LIMITS, outbox, now };
    const changes = createProductChanges({ ...rules, transactor: schema.database, products: sqlProductStore });
    const by = () => ({ requestId: changed(1, 0).data.requestId });
    const { productId } = (await changes.create(by(), { name: 'chair', price: 1000, stockQuantity: 1 })).product;
    const reserve = createReserveStock(rules);
    for (const order of [1, 2]) {
      const event = created({ orderId: orderIdOf(order), userId: order, lines: [{ productId, quantity: 1 }] });
      await schema.database.transaction((tx) => reserve(tx, [event]));
    }
    published.splice(0);
    expect((await changes.update(by(), productId, { restock: 5 })).product.stockQuantity).toBe(4);
    // If the disk is lost between two sends, facts of reservations without their pieces would refuse a recovery.
    expect(published).toMatchObject([
      { type: 'product-changed', data: { stockDelta: 5, available: 4 } },
      { type: 'stock-reserved', data: { orderId: orderIdOf(2) } },
    ]);
  });
});

describe('events that are older than their fields', () => {
  it('when a change does not tell what was left, then its repeat is told the present stock, and the recovery says so', async () => {
    const old = changed(2, 3, { available: null, onSale: null });
    await facts([changed(1, 10), old, reserved(1, 4)]);
    await finish();
    const told = await schema.database.transaction((tx) => sqlProductStore.findChange(tx, old.data.requestId));
    expect(told).toMatchObject({ productId: 1, stockQuantity: 9 });
    expect(warnings).toEqual([expect.stringContaining('1 changes of products were published before')]);
  });

  it('when somebody in line did not say what for, then the order is decided again and has still waited', async () => {
    await facts([changed(1, 10), reserved(1, 8), awaited(2, 4, true), awaited(3, 9, true), awaited(4, 1, true)]);
    await ends([cancelled(orderIdOf(4), wants(1))]);
    const open = [
      [2, 2],
      [3, 9],
    ].map(([order = 0, pieces = 0]) => created({ orderId: orderIdOf(order), userId: order, lines: wants(pieces) }));
    await finish(open);
    expect(await reservations()).toEqual([
      { order_id: orderIdOf(1), status: 'ACTIVE', waited: 0 },
      { order_id: orderIdOf(2), status: 'ACTIVE', waited: 1 },
      { order_id: orderIdOf(3), status: 'WAITING', waited: 1 },
      { order_id: orderIdOf(4), status: 'VOID', waited: 1 },
    ]);
    expect(warnings).toEqual([expect.stringContaining('2 orders stood in line before')]);
  });
});

describe('a gap', () => {
  it('when a change is missing, then it is refused, unless gaps are accepted: then it is taken for a restock', async () => {
    await facts([changed(1, 10)]);
    await expect(facts([changed(3, 1)])).rejects.toThrow('change 3 of product 1 is there, but not the one before it');
    await facts([changed(3, 1), reserved(1, 15)], true);
    await expect(finish()).rejects.toThrow('product 1 has 11 pieces, and its orders hold 15 of them');
    await finish([], true);
    expect(await stockOf(1)).toMatchObject({ restocked: 5, available: 0, reserved: 15 });
  });
});
