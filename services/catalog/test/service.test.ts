import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deriveEventId, type NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import type { Api, Problem } from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { type RunningService, runService, TRACEPARENT } from '../../../test/support/running-service.ts';

interface Product {
  productId: number;
  name: string;
  price: number;
  stockQuantity: number;
}

let catalog: RunningService;
let api: Api;

beforeAll(async () => {
  catalog = await runService('catalog', 'catalog-events');
  api = catalog.api;
}, 120_000);
afterAll(() => catalog?.stop());

async function stockOf(productId: number): Promise<object | undefined> {
  const [row] = await catalog.database.query<object>(
    'SELECT available, reserved, sold FROM products WHERE product_id = ?',
    [productId],
  );
  return row;
}

async function statusOf(orderId: string): Promise<string | undefined> {
  const [row] = await catalog.database.query<{ status: string }>('SELECT status FROM reservations WHERE order_id = ?', [
    orderId,
  ]);
  return row?.status;
}

let lastUser = 0;
/** Of a user of its own: what one user holds unpaid is limited. */
const order = () => ({ orderId: uuidv7(), userId: ++lastUser, couponId: null });
type Order = ReturnType<typeof order>;
const linesOf = new Map<string, { productId: number; quantity: number }[]>();

function created(
  of: Order,
  lines: [productId: number, quantity: number][],
  expectedTotal: number | null = null,
): NewEvent {
  const ordered = lines.map(([productId, quantity]) => ({ productId, quantity }));
  linesOf.set(of.orderId, ordered);
  const data = { ...of, lines: ordered, expectedTotal, createdAt: null, idempotencyKey: null, requestHash: null };
  return { type: 'order-created', data };
}

function completed(of: Order): NewEvent {
  const amounts = { totalAmount: 0, discountAmount: 0, paidAmount: 0, completedAt: Date.now(), steps: null };
  const lines = (linesOf.get(of.orderId) ?? []).map((line) => ({ ...line, name: 'p', unitPrice: 0 }));
  return { type: 'order-completed', data: { ...of, ...amounts, lines } };
}

function cancelled(of: Order): NewEvent {
  const lines = linesOf.get(of.orderId) ?? [];
  const untold = { steps: null, requestId: null, idempotencyKey: null, requestHash: null };
  const data = { ...of, reason: 'ORDER_CANCELLED', wasCompleted: false, completedAt: null, lines, ...untold };
  return { type: 'order-cancelled', data };
}

const applied = (outcome: string) => catalog.metric('events_handled_total', { group: 'catalog', outcome });

describe('orders', () => {
  it('when an order is created, completed and cancelled, then its stock is reserved, sold and given back', async () => {
    const productId = await api.newProduct(1_000, 10, 'lamp');
    const it = order();
    const before = await applied('applied');

    const [cause] = await catalog.publish(created(it, [[productId, 3]], 3_000));
    const [reserved] = await catalog.hear(it.orderId);
    const lines = [{ productId, name: 'lamp', unitPrice: 1_000, quantity: 3 }];
    expect(reserved?.type).toBe('stock-reserved');
    expect(reserved?.data).toEqual({ ...it, lines, totalAmount: 3_000 });
    expect(reserved?.headers).toMatchObject({
      ce_id: deriveEventId(it.orderId, 'stock-reserved'),
      ce_source: 'catalog',
      ce_causationid: cause,
    });
    expect(reserved?.headers.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
    expect(await stockOf(productId)).toEqual({ available: 7, reserved: 3, sold: 0 });
    expect(await api.stock(productId)).toBe(7);

    await catalog.publish(completed(it));
    await eventually('the sale', async () => (await statusOf(it.orderId)) === 'SOLD');
    expect(await stockOf(productId)).toEqual({ available: 7, reserved: 0, sold: 3 });

    await catalog.publish(cancelled(it));
    await eventually('the release', async () => (await statusOf(it.orderId)) === 'RELEASED');
    expect(await stockOf(productId)).toEqual({ available: 10, reserved: 0, sold: 0 });

    expect(await catalog.hear(it.orderId)).toHaveLength(1);
    expect(await applied('applied')).toBe(before + 3);
  });

  it('when an order cannot be reserved, then the reason is published and no stock moves', async () => {
    const productId = await api.newProduct(100, 2);
    const [tooMany, unknown, dearer] = [order(), order(), order()];
    await catalog.publish(
      created(tooMany, [[productId, 3]]),
      created(unknown, [
        [productId, 1],
        [999_999, 1],
      ]),
      created(dearer, [[productId, 2]], 199),
    );
    const rejection = async (of: Order) => {
      const [event] = await catalog.hear(of.orderId);
      return [event?.type, event?.data.reason, event?.data.productId, event?.data.totalAmount];
    };
    expect(await rejection(tooMany)).toEqual(['stock-rejected', 'OUT_OF_STOCK', productId, null]);
    expect(await rejection(unknown)).toEqual(['stock-rejected', 'PRODUCT_NOT_FOUND', 999_999, null]);
    expect(await rejection(dearer)).toEqual(['stock-rejected', 'PRICE_CHANGED', null, 200]);
    expect(await stockOf(productId)).toEqual({ available: 2, reserved: 0, sold: 0 });
  });

  it('when a hundred orders want the last fifty, then fifty get one, and the others wait until all are paid', async () => {
    const productId = await api.newProduct(100, 50);
    const orders = Array.from({ length: 100 }, order);
    await catalog.publish(...orders.map((it) => created(it, [[productId, 1]])));
    const answers = await Promise.all(orders.map((it) => catalog.hear(it.orderId)));
    const held = orders.filter((_, n) => answers[n]?.[0]?.type === 'stock-reserved');
    const inLine = orders.filter((_, n) => answers[n]?.[0]?.type === 'stock-awaited');
    expect([held.length, inLine.length]).toEqual([50, 50]);
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 50, sold: 0 });

    await catalog.publish(...held.map(completed));
    const ends = await Promise.all(inLine.map((it) => catalog.hear(it.orderId, 2)));
    expect(ends.map(([, end]) => [end?.type, end?.data.reason])).toEqual(
      inLine.map(() => ['stock-rejected', 'OUT_OF_STOCK']),
    );
  });

  it('when held pieces come back, then the first in line gets them at the price of now, and says so once', async () => {
    const productId = await api.newProduct(100, 2);
    const [holder, first, second] = [order(), order(), order()];
    await catalog.publish(created(holder, [[productId, 2]]));
    await catalog.hear(holder.orderId);
    await catalog.publish(created(first, [[productId, 1]]));
    expect((await catalog.hear(first.orderId))[0]).toMatchObject({
      type: 'stock-awaited',
      data: { reason: 'PIECES_HELD', productId },
    });
    await catalog.publish(created(second, [[productId, 2]]));
    await catalog.hear(second.orderId);
    expect([await statusOf(first.orderId), await statusOf(second.orderId)]).toEqual(['WAITING', 'WAITING']);

    await catalog.publish(cancelled(holder));
    const [, reserved] = await catalog.hear(first.orderId, 2);
    expect(reserved).toMatchObject({ type: 'stock-reserved', data: { totalAmount: 100 } });
    expect(await statusOf(second.orderId)).toBe('WAITING');
    const shown = await api.request<Product>('GET', `/products/${productId}`, {
      headers: { 'cache-control': 'no-cache' },
    });
    expect(shown.body).toMatchObject({ stockQuantity: 1, heldQuantity: 1 });
    expect(await stockOf(productId)).toEqual({ available: 1, reserved: 1, sold: 0 });

    await api.request('PATCH', `/products/${productId}`, { body: { restock: 1, price: 70 } });
    expect((await catalog.hear(second.orderId, 2))[1]).toMatchObject({
      type: 'stock-reserved',
      data: { totalAmount: 140 },
    });
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 3, sold: 0 });
  });

  it('when the cancellation comes first, then the order gets no stock', async () => {
    const productId = await api.newProduct(100, 5);
    const it = order();
    await catalog.publish(cancelled(it));
    await eventually('the void', async () => (await statusOf(it.orderId)) === 'VOID');
    const before = await applied('applied');
    await catalog.publish(created(it, [[productId, 1]]));
    await eventually('the late order-created', async () => (await applied('applied')) === before + 1);
    expect(await statusOf(it.orderId)).toBe('VOID');
    expect(await stockOf(productId)).toEqual({ available: 5, reserved: 0, sold: 0 });
    expect(catalog.heard.filter((event) => event.key === it.orderId)).toEqual([]);
  });

  it('when an event comes again, then it is a duplicate and changes nothing', async () => {
    const productId = await api.newProduct(100, 5);
    const it = order();
    const before = await applied('duplicate');
    const event = created(it, [[productId, 1]]);
    await catalog.publish(event, event);
    await catalog.hear(it.orderId);
    await catalog.publish(event);
    await eventually('the duplicates', async () => (await applied('duplicate')) === before + 2);
    expect(await stockOf(productId)).toEqual({ available: 4, reserved: 1, sold: 0 });
    expect(await catalog.hear(it.orderId)).toHaveLength(1);
  });

  it('when an event is impossible, then it alone is dead-lettered and others go through', async () => {
    const productId = await api.newProduct(100, 5);
    const [impossible, fine] = [order(), order()];
    await catalog.publish(completed(impossible), created(fine, [[productId, 1]]));
    await catalog.hear(fine.orderId);
    const letter = await eventually('the dead letter', async () => {
      const [row] = await catalog.database.query<{ status: string; reason: string; error: string }>(
        'SELECT status, reason, error FROM dead_letter WHERE message_key = ?',
        [impossible.orderId],
      );
      return row;
    });
    expect(letter).toMatchObject({ status: 'DEAD', reason: 'HANDLER_ERROR' });
    expect(letter.error).toContain(`order ${impossible.orderId} completed, but its stock is unknown`);
  });
});

describe('products', () => {
  it('when an operator creates and changes a product, then it is shown, published and counted', async () => {
    const before = await catalog.metric('http_request_duration_seconds_count', { route: '/products', status: '201' });
    const body = { name: ' chair ', price: 2_000, stockQuantity: 5 };
    const answer = await api.request<Product>('POST', '/products', { body, headers: { traceparent: TRACEPARENT } });
    const { productId } = answer.body;
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/products/${productId}`);
    expect(answer.body).toEqual({ productId, name: 'chair', price: 2_000, stockQuantity: 5 });

    const patch = { price: 1_900, restock: 3 };
    const patched = await api.request<Product>('PATCH', `/products/${productId}`, { body: patch });
    expect(patched.body).toEqual({ productId, name: 'chair', price: 1_900, stockQuantity: 8 });
    expect((await api.request('GET', `/products/${productId}`)).body).toEqual(patched.body);

    const [first, second] = await catalog.hear(productId, 2);
    expect(first?.data).toMatchObject({ change: 'CREATED', price: 2_000, stockDelta: 5, version: 1 });
    expect(second?.data).toMatchObject({ change: 'UPDATED', price: 1_900, stockDelta: 3, version: 2 });
    expect(first?.headers.ce_id).toBe(first?.data.requestId);
    expect(first?.headers.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
    const rows = await catalog.database.query<{ requestId: string }>(
      'SELECT request_id AS requestId FROM product_changes WHERE product_id = ? ORDER BY version',
      [productId],
    );
    expect(rows.map((row) => row.requestId)).toEqual([first?.data.requestId, second?.data.requestId]);
    const after = await catalog.metric('http_request_duration_seconds_count', { route: '/products', status: '201' });
    expect(after).toBe(before + 1);
  });

  it('when a change is repeated with its key, then it is made once and answered the same', async () => {
    const productId = await api.newProduct(100, 5);
    const headers = { 'idempotency-key': uuidv7() };
    const restock = (pieces: number) =>
      api.request<Product>('PATCH', `/products/${productId}`, { body: { restock: pieces }, headers });
    const answers = await Promise.all([restock(10), restock(10), restock(10)]);
    expect(answers.map((it) => it.body.stockQuantity)).toEqual([15, 15, 15]);
    await api.request('PATCH', `/products/${productId}`, { body: { restock: 1 } });
    const late = await restock(10);
    expect([late.body.stockQuantity, late.headers.get('idempotency-replayed')]).toEqual([15, 'true']);
    expect(await restock(11)).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(await api.stock(productId)).toBe(16);
  });

  it('when pieces are taken back, then only those that are available, once for a key, and it is published', async () => {
    const productId = await api.newProduct(100, 5);
    const it = order();
    await catalog.publish(created(it, [[productId, 2]]));
    await catalog.hear(it.orderId);
    const headers = { 'idempotency-key': uuidv7() };
    const takeBack = (pieces: number, key = {}) =>
      api.request<Product & Problem>('PATCH', `/products/${productId}`, { body: { takeBack: pieces }, headers: key });
    expect(await takeBack(4)).toMatchObject({ status: 409, body: { code: 'NOT_ENOUGH_AVAILABLE', productId } });
    const answers = await Promise.all([takeBack(2, headers), takeBack(2, headers)]);
    expect(answers.map((answer) => answer.body.stockQuantity)).toEqual([1, 1]);
    expect(await stockOf(productId)).toEqual({ available: 1, reserved: 2, sold: 0 });
    const [, changed] = await catalog.hear(productId, 2);
    expect(changed?.data).toMatchObject({ change: 'UPDATED', stockDelta: -2, version: 2 });
  });

  it('when held pieces come back and are taken back at once, then who waited for them is told that it is sold out', async () => {
    const productId = await api.newProduct(100, 1);
    const [holder, large, waiting] = [order(), order(), order()];
    await catalog.publish(created(holder, [[productId, 1]]));
    await catalog.hear(holder.orderId);
    await api.request('PATCH', `/products/${productId}`, { body: { restock: 1 } });
    await catalog.publish(created(large, [[productId, 2]]));
    expect((await catalog.hear(large.orderId))[0]?.type).toBe('stock-awaited');
    await api.request('PATCH', `/products/${productId}`, { body: { takeBack: 1 } });
    expect((await catalog.hear(large.orderId, 2))[1]?.data.reason).toBe('OUT_OF_STOCK');
    await catalog.publish(created(waiting, [[productId, 1]]));
    expect((await catalog.hear(waiting.orderId))[0]?.type).toBe('stock-awaited');
  });

  it('when a product is withdrawn, then those who hold pieces keep them, who waits or comes is refused, until it is on sale again', async () => {
    const productId = await api.newProduct(100, 1);
    const [holder, waiting, late, again] = [order(), order(), order(), order()];
    await catalog.publish(created(holder, [[productId, 1]]));
    await catalog.hear(holder.orderId);
    await catalog.publish(created(waiting, [[productId, 1]]));
    expect((await catalog.hear(waiting.orderId))[0]?.type).toBe('stock-awaited');

    const headers = { 'idempotency-key': uuidv7() };
    const sale = (onSale: boolean, key = {}) =>
      api.request<Product>('PATCH', `/products/${productId}`, { body: { onSale }, headers: key });
    expect(await sale(false, headers)).toMatchObject({ status: 200, body: { productId, onSale: false } });
    expect((await catalog.hear(waiting.orderId, 2))[1]?.data).toMatchObject({ reason: 'PRODUCT_WITHDRAWN', productId });
    expect(await statusOf(waiting.orderId)).toBe('REJECTED');
    await api.request('PATCH', `/products/${productId}`, { body: { restock: 5 } });
    await catalog.publish(created(late, [[productId, 1]]));
    expect((await catalog.hear(late.orderId))[0]).toMatchObject({
      type: 'stock-rejected',
      data: { reason: 'PRODUCT_WITHDRAWN', productId },
    });
    const now = { headers: { 'cache-control': 'no-cache' } };
    const shown = await api.request<Product>('GET', `/products/${productId}`, now);
    expect(shown.body).toMatchObject({ stockQuantity: 5, heldQuantity: 1, onSale: false });
    const other = await api.newProduct(100, 1);
    const query = { limit: 100 };
    const page = await api.request<{ items: Product[] }>('GET', '/products', { ...now, query });
    const listed = page.body.items.map((it) => it.productId);
    expect([productId, other].map((id) => listed.includes(id))).toEqual([false, true]);

    await catalog.publish(completed(holder));
    await sale(true);
    await catalog.publish(created(again, [[productId, 1]]));
    expect((await catalog.hear(again.orderId))[0]?.type).toBe('stock-reserved');
    expect(await statusOf(holder.orderId)).toBe('SOLD');
    const repeated = await sale(false, headers);
    expect(repeated.body).toMatchObject({ productId, onSale: false });
    expect(repeated.headers.get('idempotency-replayed')).toBe('true');
    const told = (await catalog.hear(productId, 4)).map(({ data }) => data.onSale);
    expect(told).toEqual([true, false, false, true]);
  });

  it('when the list is read page by page, then every product comes once', async () => {
    for (let n = 0; n < 3; n++) await api.newProduct(100, 1);
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: Record<string, string | number> = { limit: 2, ...(cursor ? { cursor } : {}) };
      const page = await api.request<{ items: Product[]; nextCursor: string | null }>('GET', '/products', { query });
      seen.push(...page.body.items.map((product) => product.productId));
      cursor = page.body.nextCursor;
    }
    const rows = await catalog.database.query<{ id: number }>(
      'SELECT product_id AS id FROM products WHERE on_sale = 1 ORDER BY product_id',
    );
    expect(seen).toEqual(rows.map((row) => row.id));
  });

  const long = 'x'.repeat(201);
  const refused: [string, string, unknown, number, string][] = [
    ['POST', '/products', { name: 'a', price: -1, stockQuantity: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/products', { name: 'a', price: 1.5, stockQuantity: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/products', { name: ' ', price: 1, stockQuantity: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/products', { name: long, price: 1, stockQuantity: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/products', { name: 'a', price: 1, stockQuantity: 1e12 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/products', { name: 'a', price: 1, stockQuantity: 1, color: 'red' }, 400, 'VALIDATION_FAILED'],
    ['POST', '/products', undefined, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/1', {}, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/1', { restock: 0 }, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/1', { takeBack: 0 }, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/1', { restock: 1, takeBack: 1 }, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/1', { onSale: 'no' }, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/1', { stockQuantity: 5 }, 400, 'VALIDATION_FAILED'],
    ['PATCH', '/products/999999', { price: 1 }, 404, 'PRODUCT_NOT_FOUND'],
    ['GET', '/products/999999', undefined, 404, 'PRODUCT_NOT_FOUND'],
    ['GET', '/products/abc', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/products/-1', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/products?limit=101', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/products?cursor=zzz', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/products?limit=1&limit=2', undefined, 400, 'VALIDATION_FAILED'],
    ['DELETE', '/products/1', undefined, 405, 'METHOD_NOT_ALLOWED'],
  ];
  for (const [method, path, body, status, code] of refused) {
    it(`when ${method} ${path} comes with ${JSON.stringify(body)?.slice(0, 80)}, then ${status} ${code}`, async () => {
      const changes = () => catalog.database.query<object>('SELECT COUNT(*) AS changes FROM product_changes');
      const before = await changes();
      const answer = await api.request<Problem>(method, path, { body });
      expect(answer).toMatchObject({ status, body: { status, code } });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.body.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(await changes()).toEqual(before);
    });
  }
});
