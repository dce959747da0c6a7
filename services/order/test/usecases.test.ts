import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  claimIdempotencyKeys,
  DomainError,
  isDataError,
  releaseIdempotencyKeys,
  type Transaction,
} from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import { deriveEventId, type NewEvent, type ReceivedEvent } from '@shop/events';
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { createReadBacklog } from '../src/db/backlog-reads.ts';
import { sqlNewOrders } from '../src/db/new-orders.ts';
import { createListOrders, readOrders } from '../src/db/order-reads.ts';
import { sqlOrderStore } from '../src/db/order-store.ts';
import { orderPublished } from '../src/db/published-rows.ts';
import { UnknownOrder } from '../src/domain/batch.ts';
import type { SagaEventType } from '../src/domain/decide.ts';
import { createAdvanceOrders } from '../src/usecases/advance-orders.ts';
import { createCancelOrder } from '../src/usecases/cancel-order.ts';
import { createExpireOrders } from '../src/usecases/expire-orders.ts';
import { createPlaceOrders, type PlaceRequest } from '../src/usecases/place-order.ts';
import { NO_DETAILS } from './examples.ts';

const DEADLINE_MS = 30_000;
const LATE_MS = 6_000;
const keys = { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys };
const published: NewEvent[] = [];
const statements: string[] = [];
let now = new Date('2026-01-01T00:00:00.000Z');
let schema: TestDatabase;
let nextUser = 1;

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(async () => {
  now = new Date('2026-01-01T00:00:00.000Z');
  published.length = 0;
  statements.length = 0;
  for (const table of ['orders', 'order_items', 'order_history']) await schema.database.execute(`DELETE FROM ${table}`);
});

/** The use cases on MySQL, with every statement noted; the outbox's events are published at the commit. */
function deps() {
  const append = async (tx: Transaction, events: readonly NewEvent[]) => {
    tx.onCommit(() => published.push(...events));
  };
  const transactor = {
    transaction: <T>(work: (tx: Transaction) => Promise<T>) =>
      schema.database.transaction((tx) => work(noting(tx, statements))),
  };
  return { transactor, keys, newOrders: sqlNewOrders, store: sqlOrderStore, outbox: { append }, now: () => now };
}

function wish(parts: { userId?: number; key?: string; body?: string; products?: number[] } = {}): PlaceRequest {
  const { userId = nextUser++, key, body = 'same', products = [1] } = parts;
  const lines = products.map((productId) => ({ productId, quantity: 2 }));
  const placement = { orderId: uuidv7(), userId, ...NO_DETAILS, lines, traceparent: null };
  return { placement, ...(key ? { idempotency: { key, requestHash: body.padEnd(64, '.') } } : {}) };
}

async function placed(count: number, products = [1]): Promise<string[]> {
  const wishes = Array.from({ length: count }, () => wish({ products, userId: 7 }));
  await createPlaceOrders(deps())(wishes);
  return wishes.map(({ placement }) => placement.orderId).sort();
}

let offset = 0;
function received<T extends SagaEventType>(type: T, orderId: string, data: object): ReceivedEvent<SagaEventType> {
  const position = { key: orderId, topic: 'a-topic', partition: 0, offset: String(offset++) };
  const event = { type, data: { orderId, userId: 7, ...data }, id: deriveEventId(orderId, type), time: now };
  return { ...event, ...position } as unknown as ReceivedEvent<SagaEventType>;
}
const reserved = (orderId: string, products = [1]) => {
  const lines = products.map((productId) => ({ productId, name: `p${productId}`, unitPrice: 50, quantity: 2 }));
  return received('stock-reserved', orderId, { couponId: null, lines, totalAmount: 100 * products.length });
};
const paid = (orderId: string, paidAmount = 100) =>
  received('payment-completed', orderId, { paidAmount, discountAmount: 0, balanceAfter: 0 });
const rejected = (orderId: string) =>
  received('stock-rejected', orderId, { reason: 'OUT_OF_STOCK', productId: 1, totalAmount: null });

const handle = (events: readonly ReceivedEvent<SagaEventType>[]) =>
  deps().transactor.transaction((tx) => createAdvanceOrders(deps())(tx, events));

async function order(orderId: string) {
  return (await readOrders(schema.database, [orderId])).get(orderId);
}

async function history(orderId: string): Promise<string[]> {
  const rows = await schema.database.query<{ type: string }>(
    'SELECT type FROM order_history WHERE order_id = ? ORDER BY seq',
    [orderId],
  );
  return rows.map((row) => row.type);
}

describe('placing', () => {
  it('when 250 orders wait, then they share three statements', async () => {
    const results = await createPlaceOrders(deps())(Array.from({ length: 250 }, () => wish({ products: [1, 2] })));
    expect(results.every((result) => result.ok && !result.value.replayed)).toBe(true);
    expect(statements).toHaveLength(3);
    expect(published).toHaveLength(250);
    const [count] = await schema.database.query<{ orders: number }>('SELECT COUNT(*) AS orders FROM orders');
    expect(count?.orders).toBe(250);
  });

  it('when the same key comes twenty times at once, in one batch and in others, then there is one order', async () => {
    const same = () => wish({ userId: 4_711, key: 'k' });
    const batches = Array.from({ length: 4 }, () => [same(), wish(), same(), same(), same(), same()]);
    const results = (await Promise.all(batches.map(createPlaceOrders(deps())))).flat();
    const mine = results.filter((_, index) => index % 6 !== 1).map((result) => (result.ok ? result.value : undefined));
    expect(new Set(mine.map((value) => value?.orderId)).size).toBe(1);
    expect(mine.filter((value) => value?.replayed === false)).toHaveLength(1);
    const orders = await schema.database.query('SELECT 1 FROM orders WHERE user_id = 4711');
    expect(orders).toHaveLength(1);
    expect(published).toHaveLength(5);
  });

  it('when a key comes with another body, then that request alone is refused', async () => {
    const [first] = await createPlaceOrders(deps())([wish({ userId: 5, key: 'k' })]);
    const results = await createPlaceOrders(deps())([
      wish({ userId: 5, key: 'k', body: 'other' }),
      wish({ userId: 6, key: 'k', body: 'other' }),
      wish({ userId: 5, key: 'k' }),
    ]);
    expect(results[0]).toMatchObject({ ok: false, error: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(results[1]).toMatchObject({ ok: true, value: { replayed: false } });
    const original = first?.ok ? first.value.orderId : 'none';
    expect(results[2]).toMatchObject({ ok: true, value: { replayed: true, orderId: original } });
  });
});

describe('published again', () => {
  it('when orders were placed and cancelled with keys, then their rows tell the same events, and without the keys once those are gone', async () => {
    const [keyed, plain] = [wish({ userId: 7, key: 'again' }), wish({ userId: 7 })];
    await createPlaceOrders(deps())([keyed, plain]);
    const [orderId, other] = [keyed.placement.orderId, plain.placement.orderId];
    await handle([reserved(orderId), paid(orderId), reserved(other)]);
    const idempotency = { key: 'away', requestHash: 'c'.repeat(64) };
    for (const each of [{ orderId, idempotency }, { orderId: other }])
      await createCancelOrder(deps())({ requestId: uuidv4(), userId: 7, traceparent: null, ...each });

    expect(await derived()).toEqual(byKey(published));
    await schema.database.execute('DELETE FROM idempotency_key');
    const untold = published.map(({ type, data }) => {
      const none = { idempotencyKey: null, requestHash: null };
      const key = type === 'order-completed' ? {} : type === 'order-created' ? none : { ...none, requestId: null };
      return { type, data: { ...data, ...key } };
    });
    expect(await derived()).toEqual(byKey(untold));
  });

  async function derived() {
    const events: { type: string; data: object }[] = [];
    for (const { read } of orderPublished)
      for await (const page of read(schema.database, new Date(0))) events.push(...page.map(({ event }) => event));
    return byKey(events);
  }

  const byKey = (events: readonly { type: string; data: object }[]) =>
    events
      .map(({ type, data }) => ({ type, data: data as { orderId: string } }))
      .sort((a, b) => `${a.data.orderId}${a.type}`.localeCompare(`${b.data.orderId}${b.type}`));
});

describe('the saga', () => {
  it('when a thousand orders get both events in one batch, then each completes, in a handful of statements', async () => {
    const ids = await placed(500, [1, 2]);
    statements.length = 0;
    published.length = 0;
    // Payments first, and in another order than that of the keys.
    await handle([...ids.map((id) => paid(id, 200)), ...ids.toReversed().map((id) => reserved(id, [1, 2]))]);
    expect(statements.length).toBeLessThanOrEqual(7);
    expect(published.map((event) => event.type)).toEqual(ids.map(() => 'order-completed'));
    const some = await order(ids[17] ?? '');
    expect(some).toMatchObject({ status: 'COMPLETED', totalAmount: 200, paidAmount: 200, discountAmount: 0 });
    expect(some?.items).toEqual([
      { productId: 1, name: 'p1', unitPrice: 50, quantity: 2 },
      { productId: 2, name: 'p2', unitPrice: 50, quantity: 2 },
    ]);
    // Read from two topics in one batch; the history shows what followed from what.
    expect(await history(ids[17] ?? '')).toEqual([
      'order-created',
      'stock-reserved',
      'payment-completed',
      'order-completed',
    ]);
  });

  it("when the events come one after the other, then the order's state grows each time", async () => {
    const [id = ''] = await placed(1);
    expect(await order(id)).toMatchObject({ status: 'PENDING', totalAmount: null, items: [{ name: null }] });
    await handle([reserved(id)]);
    expect(await order(id)).toMatchObject({ status: 'PENDING', totalAmount: 100, items: [{ name: 'p1' }] });
    now = new Date(now.getTime() + 5);
    await handle([paid(id)]);
    expect(await order(id)).toMatchObject({ status: 'COMPLETED', completedAt: now });
  });

  it('when a payment is completed for a cancelled order, then nothing is said, and its user sees that it comes back', async () => {
    const [id = ''] = await placed(1);
    await handle([reserved(id)]);
    await createCancelOrder(deps())({ requestId: uuidv4(), orderId: id, userId: 7, traceparent: null });
    published.length = 0;
    await handle([paid(id)]);
    expect(await order(id)).toMatchObject({ status: 'CANCELLED', reason: 'ORDER_CANCELLED', paidAmount: 100 });
    expect(await order(id)).toMatchObject({ refund: { status: 'PENDING', amount: 100 } });
    expect(published).toEqual([]);
    expect((await history(id)).at(-1)).toBe('payment-completed');
  });

  it('when an order is unknown, then no event of the batch is applied', async () => {
    const [id = ''] = await placed(1);
    await expect(handle([reserved(id), reserved(uuidv7())])).rejects.toThrow(UnknownOrder);
    expect(await order(id)).toMatchObject({ totalAmount: null });
  });

  it('when two batches share their orders in opposite order, then both go through', async () => {
    const ids = await placed(200);
    await Promise.all([
      handle(ids.map((id) => reserved(id))),
      handle(ids.toReversed().map((id) => paid(id))),
      handle(ids.map((id) => received('payment-refunded', id, { amount: 1, balanceAfter: 1 }))),
    ]);
    const orders = await readOrders(schema.database, ids);
    expect([...orders.values()].filter(({ status }) => status === 'COMPLETED')).toHaveLength(200);
    const steps = await schema.database.query('SELECT 1 FROM order_history');
    expect(steps).toHaveLength(200 * 5);
  });

  it('when a payment does not add up, then the database refuses it too', async () => {
    const [id = ''] = await placed(1);
    const update = schema.database.execute(
      `UPDATE orders SET status = 'COMPLETED', completed_at = NOW(3), total_amount = 5, paid_amount = 4, discount_amount = 0 WHERE order_id = ?`,
      [id],
    );
    expect(isDataError(await update.catch((error: unknown) => error))).toBe(true);
  });
});

describe('cancelling', () => {
  const cancel = (orderId: string, parts: { userId?: number; key?: string; body?: string } = {}) => {
    const { userId = 7, key, body = 'same' } = parts;
    const idempotency = key ? { idempotency: { key, requestHash: body.padEnd(64, '.') } } : {};
    return createCancelOrder(deps())({ requestId: uuidv4(), orderId, userId, traceparent: null, ...idempotency });
  };

  it('when the same cancellation comes ten times at once, then it happens once', async () => {
    const [id = ''] = await placed(1);
    published.length = 0;
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => cancel(id, { key: 'c' })));
    expect(outcomes.sort()).toEqual(['cancelled', ...Array(9).fill('replayed')]);
    expect(published.map((event) => event.type)).toEqual(['order-cancelled']);
    await expect(cancel(id, { key: 'c', body: 'other' })).rejects.toThrow(DomainError);
  });

  it('when an order is cancelled already, then nothing happens and no key is kept', async () => {
    const [id = ''] = await placed(1);
    expect(await cancel(id)).toBe('cancelled');
    expect(await cancel(id, { key: 'late' })).toBe('already');
    expect(await cancel(id, { key: 'late', body: 'other' })).toBe('already');
    expect(published.filter((event) => event.type === 'order-cancelled')).toHaveLength(1);
  });

  it("when an order is another user's or does not exist, then there is no such order", async () => {
    const [id = ''] = await placed(1);
    await expect(cancel(id, { userId: 8 })).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
    await expect(cancel(uuidv7())).rejects.toMatchObject({ code: 'ORDER_NOT_FOUND' });
  });

  it('when cancellation, deadline and payment meet, then the order ends once', async () => {
    const ids = await placed(30);
    await handle(ids.map((id) => reserved(id)));
    published.length = 0;
    now = new Date(now.getTime() + DEADLINE_MS);
    const expire = createExpireOrders({ ...deps(), deadlineMs: DEADLINE_MS });
    await Promise.all([...ids.map((id) => cancel(id)), handle(ids.map((id) => paid(id))), expire(), expire()]);
    const orders = await readOrders(schema.database, ids);
    expect([...orders.values()].every(({ status }) => status === 'CANCELLED')).toBe(true);
    expect(published.filter((event) => event.type === 'order-cancelled')).toHaveLength(30);
  });
});

describe('the deadline', () => {
  it('when orders are past the deadline, then several sweepers cancel each of them once, and no others', async () => {
    const old = await placed(450);
    now = new Date(now.getTime() + 1);
    const young = await placed(20);
    const [done = ''] = old;
    await handle([reserved(done), paid(done)]);
    published.length = 0;
    now = new Date(now.getTime() + DEADLINE_MS - 1);
    const expire = createExpireOrders({ ...deps(), deadlineMs: DEADLINE_MS });
    const cancelled = await Promise.all([expire(), expire(), expire()]);
    // A sweeper that stopped early because others held the rest must leave none for the next round.
    const rest = await expire();
    expect(cancelled.reduce((sum, each) => sum + each, rest)).toBe(449);
    expect(published).toHaveLength(449);
    expect(published[0]).toMatchObject({ type: 'order-cancelled', data: { reason: 'ORDER_DEADLINE_EXCEEDED' } });
    const orders = await readOrders(schema.database, young);
    expect([...orders.values()].every(({ status }) => status === 'PENDING')).toBe(true);
    expect(await order(done)).toMatchObject({ status: 'COMPLETED' });
  });

  it('when orders are pending, then the age of the oldest is known, and of the oldest but some', async () => {
    const read = createReadBacklog(schema.database, {
      deadlineMs: DEADLINE_MS,
      lateMs: LATE_MS,
      now: () => now,
      stragglers: 1,
    });
    expect(await read()).toMatchObject({ first: null, oldest: null, pending: 0 });
    const first = now;
    const [id = ''] = await placed(1);
    now = new Date(now.getTime() + 1_000);
    await placed(1);
    expect(await read()).toMatchObject({ first, oldest: now, pending: 2 });
    await handle([reserved(id), paid(id)]);
    expect(await read()).toMatchObject({ first: now, firstUnderway: now, oldest: null, pending: 1 });
  });

  it('when orders end between two readings, then each is counted once, however it ended and whatever comes meanwhile', async () => {
    const read = createReadBacklog(schema.database, {
      deadlineMs: DEADLINE_MS,
      lateMs: LATE_MS,
      now: () => now,
      stragglers: 0,
    });
    const pass = (ms: number) => {
      now = new Date(now.getTime() + ms);
    };
    const end = (ids: readonly string[]) => handle(ids.flatMap((id) => [reserved(id), paid(id)]));
    const early = await placed(4);
    pass(500);
    expect(await read()).toMatchObject({ pending: 4, ended: 0 });
    const later = await placed(3);
    await end(early.slice(0, 2));
    await handle([rejected(early[2] ?? ''), rejected(later[0] ?? '')]);
    pass(500);
    expect(await read()).toMatchObject({ pending: 3, ended: 4 });
    expect(await read()).toMatchObject({ pending: 3, ended: 0 });
    // These orders have waited for longer than the counted span of ended ones.
    pass(10_000);
    expect(await read()).toMatchObject({ pending: 3, ended: 0 });
    await end([early[3] ?? '']);
    pass(500);
    expect(await read()).toMatchObject({ pending: 2, ended: 1 });
    await end(later.slice(1));
    pass(500);
    expect(await read()).toMatchObject({ first: null, oldest: null, pending: 0, ended: 2 });
  });

  it('when orders end by their deadline, then that is no sign of progress', async () => {
    const read = createReadBacklog(schema.database, {
      deadlineMs: DEADLINE_MS,
      lateMs: LATE_MS,
      now: () => now,
      stragglers: 0,
    });
    await placed(5);
    for (let passed = 0; passed < DEADLINE_MS; passed += 500) {
      now = new Date(now.getTime() + 500);
      expect(await read()).toMatchObject({ pending: 5, ended: 0 });
    }
    expect(await createExpireOrders({ ...deps(), deadlineMs: DEADLINE_MS })()).toBe(5);
    expect(await read()).toMatchObject({ pending: 0, ended: 0 });
  });

  it('when orders end or not, then it is known what became of the newest, also by an instance that has just started', async () => {
    const options = { deadlineMs: DEADLINE_MS, lateMs: LATE_MS, now: () => now };
    const read = createReadBacklog(schema.database, options);
    const fresh = () => createReadBacklog(schema.database, options)();
    const pass = (ms: number) => {
      now = new Date(now.getTime() + ms);
    };
    const one = async () => {
      const [id = ''] = await placed(1);
      pass(1);
      return id;
    };
    // Others' orders are not of this test.
    pass(11 * DEADLINE_MS);
    expect(await read()).toMatchObject({ newest: [] });
    const done = await one();
    await handle([reserved(done), paid(done)]);
    for (let n = 0; n < 3; n++) await one();
    const cancelled = await one();
    await createCancelOrder(deps())({ requestId: uuidv7(), orderId: cancelled, userId: 7, traceparent: null });
    expect(await fresh()).toMatchObject({ newest: ['ended'] });
    pass(LATE_MS);
    expect(await fresh()).toMatchObject({ newest: ['pending', 'pending', 'pending'] });
    pass(DEADLINE_MS);
    await read();
    await createExpireOrders({ ...deps(), deadlineMs: DEADLINE_MS })();
    for (const readNow of [read, fresh]) expect(await readNow()).toMatchObject({ newest: ['dead', 'dead', 'dead'] });
    const probe = await one();
    expect(await read()).toMatchObject({ pending: 1, newest: ['dead', 'dead', 'dead'] });
    await handle([rejected(probe)]);
    expect(await fresh()).toMatchObject({ newest: ['ended', 'dead', 'dead'] });
    pass(11 * DEADLINE_MS);
    expect(await fresh()).toMatchObject({ newest: [] });
  });

  it('when the backlog is read, then the index suffices', async () => {
    const read = createReadBacklog(noting(schema.database as never, statements), {
      deadlineMs: DEADLINE_MS,
      lateMs: LATE_MS,
      now: () => now,
    });
    await read();
    const [text = ''] = statements;
    const plan = await schema.database.query<{ key: string; Extra: string }>(`EXPLAIN FORMAT=TRADITIONAL ${text}`, [
      20,
      now,
      now,
      now,
      now,
    ]);
    const tables = plan.filter(({ key }) => key !== null);
    expect(new Set(tables.map(({ key }) => key))).toEqual(new Set(['orders_status']));
    for (const { Extra } of tables) expect(Extra).toContain('Using index');
  });
});

describe('reading', () => {
  it('when a user lists their orders, then they come page by page, newest first, equal to single reads', async () => {
    const ids = (await placed(5, [2, 1])).toReversed();
    await handle([reserved(ids[1] ?? '', [1, 2]), paid(ids[1] ?? '', 200)]);
    await createPlaceOrders(deps())([wish({ userId: 8 })]);
    const prisma = lazyPrisma(schema.database, () => import('../src/db/generated/client.ts'));
    const list = createListOrders(prisma);
    const first = await list({ userId: 7, limit: 3 });
    expect(first.map(({ orderId }) => orderId)).toEqual(ids.slice(0, 3));
    const rest = await list({ userId: 7, after: ids[2], limit: 3 });
    expect(rest.map(({ orderId }) => orderId)).toEqual(ids.slice(3));
    const completed = await list({ userId: 7, status: 'COMPLETED', limit: 3 });
    expect(completed).toEqual([await order(ids[1] ?? '')]);
    expect(first[0]).toEqual(await order(ids[0] ?? ''));
    await prisma.close();
  });
});
