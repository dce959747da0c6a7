import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deriveEventId, type NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import {
  type Answer,
  type Api,
  nextUserId,
  type OrderAnswer,
  type OrderBody,
  type Page,
  type Problem,
} from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { type RunningService, runService, TRACEPARENT } from '../../../test/support/running-service.ts';

// The order service runs as a process; the test plays catalog and payment.
const DEADLINE_MS = 60_000;
let service: RunningService;
let api: Api;

beforeAll(async () => {
  service = await runService('order', 'order-events', {
    ORDER_DEADLINE_MS: String(DEADLINE_MS),
    // Orders end when a test decides, not by a saga, so the lack of ends must not refuse more.
    ORDER_BACKLOG_TARGET_MS: String(DEADLINE_MS),
  });
  api = service.api;
}, 120_000);
afterAll(() => service?.stop());

const LINES = [{ productId: 1, name: 'lamp', unitPrice: 500, quantity: 2 }];

function reserved({ orderId, userId }: OrderBody): NewEvent {
  return { type: 'stock-reserved', data: { orderId, userId, couponId: null, lines: LINES, totalAmount: 1_000 } };
}
const DISCOUNT = { totalAmount: 1_000, discountAmount: 300, payableAmount: 700, redeemedAt: null };

function redeemed({ orderId, userId, couponId = '' }: OrderBody): NewEvent {
  return { type: 'coupon-redeemed', data: { orderId, userId, couponId, ...DISCOUNT } };
}
function couponRejected({ orderId, userId, couponId = '' }: OrderBody, reason: string): NewEvent {
  return { type: 'coupon-rejected', data: { orderId, userId, couponId, reason } };
}
function rejected({ orderId, userId }: OrderBody, reason: string): NewEvent {
  return { type: 'stock-rejected', data: { orderId, userId, reason, productId: 1, totalAmount: null, couponId: null } };
}
function paid({ orderId, userId, couponId }: OrderBody): NewEvent {
  const discountAmount = couponId ? DISCOUNT.discountAmount : 0;
  const data = { orderId, userId, paidAmount: 1_000 - discountAmount, discountAmount, balanceAfter: 0 };
  return { type: 'payment-completed', data };
}
function unpaid({ orderId, userId }: OrderBody): NewEvent {
  const data = { orderId, userId, reason: 'INSUFFICIENT_BALANCE', payableAmount: 1_000, balance: 1 };
  return { type: 'payment-failed', data };
}

/** Places an accepted order, by a new user. */
async function placed(options: { userId?: number; key?: string } = {}): Promise<OrderBody> {
  const { userId = nextUserId(), key } = options;
  const answer = await api.placeOrder<OrderBody>(userId, [[1, 2]], key ? { key } : {});
  expect(answer.status).toBe(202);
  return answer.body;
}

/** Places an order and waits for its end, which `then` causes once order-created is published. */
async function awaited(
  then: (order: OrderBody) => NewEvent[],
  coupon: { couponId?: string } = {},
): Promise<Answer<OrderAnswer>> {
  const userId = nextUserId();
  const answer = api.placeOrder(userId, [[1, 2]], { wait: 10, ...coupon });
  const created = await eventually('order-created', () => service.heard.find(({ data }) => data.userId === userId));
  await service.publish(...then({ orderId: created.key, userId, ...coupon } as OrderBody));
  return answer;
}

async function history(orderId: string): Promise<{ type: string; event_id: string }[]> {
  return service.database.query('SELECT type, event_id FROM order_history WHERE order_id = ? ORDER BY seq', [orderId]);
}

/** Makes an order look as if it had been placed `ms` earlier. */
async function age(orderId: string, ms: number): Promise<void> {
  const sql = 'UPDATE orders SET created_at = created_at - INTERVAL ? MICROSECOND WHERE order_id = ?';
  await service.database.execute(sql, [ms * 1_000, orderId]);
}

/** Waits until an order that looked old no longer limits admission. */
async function accepting(): Promise<void> {
  await eventually('orders taken', async () => (await api.placeOrder(nextUserId(), [[1, 1]])).status === 202);
}

const applied = (outcome: string) => service.metric('events_handled_total', { group: 'order', outcome });

describe('an order', () => {
  it('when an order is placed, then it is pending, its location is told, and order-created is published', async () => {
    const userId = nextUserId();
    const answer = await api.request<OrderBody & { createdAt: string }>('POST', '/orders', {
      body: {
        userId,
        items: [
          { productId: 2, quantity: 1 },
          { productId: 1, quantity: 2 },
          { productId: 2, quantity: 3 },
        ],
        expectedTotal: 77,
      },
      headers: { traceparent: TRACEPARENT, 'idempotency-key': 'placing' },
    });
    expect(answer.status).toBe(202);
    const { orderId } = answer.body;
    expect(answer.headers.get('location')).toBe(`/orders/${orderId}`);
    expect(answer.body).toMatchObject({ userId, status: 'PENDING', totalAmount: null, paidAmount: null });
    expect(answer.body.items).toEqual([
      { productId: 1, name: null, unitPrice: null, quantity: 2 },
      { productId: 2, name: null, unitPrice: null, quantity: 4 },
    ]);
    expect((await api.order(orderId, userId)).body).toEqual(answer.body);

    const [created] = await service.hear(orderId);
    const lines = [
      { productId: 1, quantity: 2 },
      { productId: 2, quantity: 4 },
    ];
    expect(created?.type).toBe('order-created');
    const key = { idempotencyKey: 'placing', requestHash: expect.stringMatching(/^[0-9a-f]{64}$/) };
    const createdAt = new Date(answer.body.createdAt).getTime();
    expect(created?.data).toEqual({ orderId, userId, couponId: null, lines, expectedTotal: 77, createdAt, ...key });
    expect(created?.headers).toMatchObject({ ce_id: deriveEventId(orderId, 'order-created'), ce_source: 'order' });
    expect(created?.headers.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
  });

  it.each(['in order', 'payment first'])('when an order is reserved and paid (%s), then it completes', async (how) => {
    const answer = await awaited((order) =>
      how === 'in order' ? [reserved(order), paid(order)] : [paid(order), reserved(order)],
    );
    expect(answer.status).toBe(201);
    expect(answer.headers.get('preference-applied')).toBe('wait=10');
    const { orderId } = answer.body;
    expect(answer.headers.get('location')).toBe(`/orders/${orderId}`);
    expect(answer.body).toMatchObject({ status: 'COMPLETED', items: LINES, totalAmount: 1_000, paidAmount: 1_000 });
    const [, completed] = await service.hear(orderId as string, 2);
    expect(completed?.type).toBe('order-completed');
    expect(completed?.data).toMatchObject({ lines: LINES, totalAmount: 1_000, discountAmount: 0, paidAmount: 1_000 });
    expect((await history(orderId as string)).map(({ type }) => type).sort()).toEqual(
      ['order-created', 'order-completed', 'payment-completed', 'stock-reserved'].sort(),
    );
  });

  it.each([
    ['OUT_OF_STOCK', 409, (order: OrderBody) => [rejected(order, 'OUT_OF_STOCK')]],
    ['PRODUCT_NOT_FOUND', 404, (order: OrderBody) => [rejected(order, 'PRODUCT_NOT_FOUND')]],
    ['PRODUCT_WITHDRAWN', 409, (order: OrderBody) => [rejected(order, 'PRODUCT_WITHDRAWN')]],
    ['PRICE_CHANGED', 409, (order: OrderBody) => [rejected(order, 'PRICE_CHANGED')]],
    ['INSUFFICIENT_BALANCE', 402, (order: OrderBody) => [reserved(order), unpaid(order)]],
  ])(
    'when it ends with %s, then who waits gets that problem (%i), and the others order-cancelled',
    async (code, status, end) => {
      const answer = await awaited(end);
      expect(answer).toMatchObject({ status, body: { code, status, order: { status: 'CANCELLED', reason: code } } });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      const [, cancelled] = await service.hear(answer.body.orderId as string, 2);
      expect(cancelled?.type).toBe('order-cancelled');
      expect(cancelled?.data).toMatchObject({
        reason: code,
        wasCompleted: false,
        lines: [{ productId: 1, quantity: 2 }],
      });
    },
  );

  it('when an order names a coupon, then its events do too, it is shown, and its redemption is a step of the history', async () => {
    const couponId = uuidv7();
    const answer = await awaited((order) => [reserved(order), redeemed(order), paid(order)], { couponId });
    expect(answer.status).toBe(201);
    const orderId = answer.body.orderId as string;
    expect(answer.body).toMatchObject({ couponId, totalAmount: 1_000, discountAmount: 300, paidAmount: 700 });
    expect((await api.order(orderId, answer.body.userId)).body).toEqual(answer.body);
    const list = await api.request<Page<OrderBody>>('GET', '/orders', { query: { userId: answer.body.userId } });
    expect(list.body.items).toEqual([answer.body]);
    const [created, completed] = await service.hear(orderId, 2);
    expect(created?.data).toMatchObject({ couponId });
    expect(completed?.data).toMatchObject({ couponId, totalAmount: 1_000, discountAmount: 300, paidAmount: 700 });
    expect((await history(orderId)).map(({ type }) => type)).toContain('coupon-redeemed');
    await api.cancel(orderId, answer.body.userId);
    const [, , cancelled] = await service.hear(orderId, 3);
    expect(cancelled?.data).toMatchObject({ couponId, wasCompleted: true });
    expect(cancelled?.headers).toMatchObject({ ce_couponid: couponId });
  });

  it('when a coupon is named in capital letters, then it is the same coupon, and the same request', async () => {
    const [userId, couponId, key] = [nextUserId(), uuidv7(), uuidv7()];
    const first = await api.placeOrder(userId, [[1, 2]], { couponId: couponId.toUpperCase(), key });
    expect(first.body).toMatchObject({ couponId });
    const again = await api.placeOrder(userId, [[1, 2]], { couponId, key });
    expect(again.body.orderId).toBe(first.body.orderId);
    expect(await api.placeOrder(userId, [[1, 2]], { couponId: uuidv7(), key })).toMatchObject({ status: 422 });
  });

  it.each([
    ['COUPON_NOT_FOUND', 404],
    ['COUPON_ALREADY_USED', 409],
    ['COUPON_EXPIRED', 409],
    ['COUPON_REVOKED', 409],
  ])('when the coupon is rejected with %s, then waiters get that problem (%i)', async (code, status) => {
    const couponId = uuidv7();
    const answer = await awaited((order) => [reserved(order), couponRejected(order, code)], { couponId });
    expect(answer).toMatchObject({ status, body: { code, status, order: { status: 'CANCELLED', reason: code } } });
    const [, cancelled] = await service.hear(answer.body.orderId as string, 2);
    expect(cancelled?.data).toMatchObject({ reason: code, couponId, wasCompleted: false });
  });

  it('when no event of an order comes, then it is cancelled at its deadline', async () => {
    const userId = nextUserId();
    const answer = api.placeOrder(userId, [[1, 2]], { wait: 10 });
    const created = await eventually('order-created', () => service.heard.find(({ data }) => data.userId === userId));
    await age(created.key ?? '', DEADLINE_MS);
    expect(await answer).toMatchObject({
      status: 503,
      body: { code: 'ORDER_DEADLINE_EXCEEDED', orderId: created.key },
    });
    const [, cancelled] = await service.hear(created.key ?? '', 2);
    expect(cancelled?.data).toMatchObject({ reason: 'ORDER_DEADLINE_EXCEEDED' });
    expect(cancelled?.headers.traceparent?.slice(0, 35)).toBe(created.headers.traceparent?.slice(0, 35));
    await accepting();
  });

  it('when an order is still pending after the time to wait, then that is the answer', async () => {
    const answer = await api.placeOrder(nextUserId(), [[1, 2]], { wait: 1 });
    expect(answer).toMatchObject({ status: 202, body: { status: 'PENDING' } });
    expect((await api.order(answer.body.orderId as string, answer.body.userId, 1)).body.status).toBe('PENDING');
  });

  it('when the same event comes again, then nothing changes', async () => {
    const order = await placed();
    await service.publish(reserved(order), paid(order));
    await service.hear(order.orderId, 2);
    const before = await applied('duplicate');
    await service.publish(paid(order), reserved(order));
    await eventually('the duplicates', async () => (await applied('duplicate')) === before + 2);
    expect(await history(order.orderId)).toHaveLength(4);
    expect(service.heard.filter(({ key }) => key === order.orderId)).toHaveLength(2);
  });

  it('when an event names an unknown order, then it is dead-lettered and other orders go on', async () => {
    const stranger = { orderId: uuidv7(), userId: 1 } as OrderBody;
    const order = await placed();
    await service.publish(reserved(stranger), reserved(order), paid(order));
    await service.hear(order.orderId, 2);
    const dead = await eventually('the dead letter', async () => {
      const rows = await service.database.query<{ reason: string; error: string }>(
        'SELECT reason, error FROM dead_letter WHERE message_key = ?',
        [stranger.orderId],
      );
      return rows[0];
    });
    expect(dead).toMatchObject({ reason: 'HANDLER_ERROR' });
    expect(dead.error).toContain('UnknownOrder');
  });
});

describe('repeats', () => {
  it('when the same request comes twenty times at once, then there is one order', async () => {
    const userId = nextUserId();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.placeOrder<OrderBody>(userId, [[1, 2]], { key: 'same' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.orderId)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true')).toHaveLength(19);
    const rows = await service.database.query('SELECT 1 FROM orders WHERE user_id = ?', [userId]);
    expect(rows).toHaveLength(1);
  });

  it('when a key comes with another body, then 422; with the same, then the order in its present state', async () => {
    const userId = nextUserId();
    const order = await placed({ userId, key: 'again' });
    const other = await api.placeOrder(userId, [[1, 3]], { key: 'again' });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    await service.publish(reserved(order), paid(order));
    await service.hear(order.orderId, 2);
    const waiting = await api.placeOrder(userId, [[1, 2]], { key: 'again', wait: 5 });
    expect(waiting).toMatchObject({ status: 201, body: { orderId: order.orderId, status: 'COMPLETED' } });
    const plain = await api.placeOrder(userId, [[1, 2]], { key: 'again' });
    expect(plain).toMatchObject({ status: 202, body: { orderId: order.orderId, status: 'COMPLETED' } });
    expect(plain.headers.get('idempotency-replayed')).toBe('true');
  });
});

describe('cancelling', () => {
  it('when a pending order is cancelled, then its waiters are told, and a late payment is shown as one that comes back', async () => {
    const order = await placed();
    const waiting = api.order(order.orderId, order.userId, 10);
    const answer = await api.cancel(order.orderId, order.userId);
    expect(answer).toMatchObject({ status: 202, body: { status: 'CANCELLED', reason: 'ORDER_CANCELLED' } });
    expect((await waiting).body).toMatchObject({ status: 'CANCELLED' });
    expect(await api.cancel(order.orderId, order.userId)).toMatchObject({ status: 200, body: { status: 'CANCELLED' } });
    await service.publish(reserved(order), paid(order));
    await eventually('the late events', async () => (await history(order.orderId)).length === 4);
    expect((await api.order(order.orderId, order.userId)).body).toMatchObject({
      status: 'CANCELLED',
      paidAmount: 1_000,
      refund: { status: 'PENDING', amount: 1_000 },
    });
    expect(service.heard.filter(({ key }) => key === order.orderId)).toHaveLength(2);
  });

  it('when a completed order is cancelled, then order-cancelled says that it had completed', async () => {
    const order = await placed();
    await service.publish(reserved(order), paid(order));
    await service.hear(order.orderId, 2);
    const first = await api.cancel(order.orderId, order.userId, 'c');
    expect(first).toMatchObject({ status: 202, body: { status: 'CANCELLED', paidAmount: 1_000 } });
    const again = await api.cancel(order.orderId, order.userId, 'c');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 'true']);
    const [, , cancelled] = await service.hear(order.orderId, 3);
    expect(cancelled?.data).toMatchObject({ reason: 'ORDER_CANCELLED', wasCompleted: true, idempotencyKey: 'c' });
    expect(cancelled?.data.steps).toHaveLength(4);
    expect(cancelled?.data.completedAt).toEqual(expect.any(Number));
  });

  it("when an order is another user's, then there is no such order", async () => {
    const order = await placed();
    for (const answer of [
      await api.cancel(order.orderId, order.userId + 1),
      await api.order(order.orderId, order.userId + 1, 5),
      await api.order(uuidv7(), order.userId),
      await api.order('rubbish', order.userId),
    ]) {
      expect(answer).toMatchObject({ status: 404, body: { code: 'ORDER_NOT_FOUND' } });
    }
  });
});

describe('lists', () => {
  it('when a user has many orders, then they come in pages, newest first, and by status', async () => {
    const userId = nextUserId();
    const orders: OrderBody[] = [];
    for (let i = 0; i < 5; i++) orders.push(await placed({ userId }));
    const list = (query: Record<string, string | number>) =>
      api.request<Page<OrderBody>>('GET', '/orders', { query: { userId, ...query } });
    const first = await list({ limit: 3 });
    const second = await list({ limit: 3, cursor: first.body.nextCursor ?? '' });
    expect([...first.body.items, ...second.body.items]).toEqual(orders.toReversed());
    expect(second.body.nextCursor).toBeNull();
    const one = orders[2] as OrderBody;
    await service.publish(reserved(one), paid(one));
    await service.hear(one.orderId, 2);
    expect((await list({ status: 'COMPLETED' })).body.items.map(({ orderId }) => orderId)).toEqual([one.orderId]);
    expect((await list({ status: 'PENDING', limit: 100 })).body.items).toHaveLength(4);
  });
});

describe('back-pressure', () => {
  it('when one order waits for long, then others are still accepted', async () => {
    const order = await placed();
    await age(order.orderId, DEADLINE_MS * 0.7);
    await eventually('its age measured', async () => (await service.metric('order_oldest_pending_seconds')) > 40);
    expect((await api.placeOrder(nextUserId(), [[1, 1]])).status).toBe(202);
    await api.cancel(order.orderId, order.userId);
  });

  it('when many orders wait for long, then new ones are refused until that is over', async () => {
    const orders = await Promise.all(Array.from({ length: 21 }, () => placed()));
    for (const { orderId } of orders) await age(orderId, DEADLINE_MS * 0.7);
    const refused = await eventually('the refusal', async () => {
      const answer = await api.placeOrder<Problem>(nextUserId(), [[1, 1]], { once: true });
      return answer.status === 503 && answer;
    });
    expect(refused.body.code).toBe('SERVICE_UNAVAILABLE');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    const bad = await api.request('POST', '/orders', { body: {} });
    expect(bad.status).toBe(400);
    for (const { orderId, userId } of orders) await api.cancel(orderId, userId);
    await accepting();
  });
});

describe('bad requests', () => {
  const items = [{ productId: 1, quantity: 1 }];
  const line = (quantity: unknown, productId: unknown = 1) => ({ userId: 1, items: [{ productId, quantity }] });
  const lines = (count: number) => ({
    userId: 1,
    items: Array.from({ length: count }, (_, i) => ({ productId: i + 1, quantity: 1 })),
  });
  const tooManyInAll = { userId: 1, items: [...line(600).items, ...line(401).items] };

  it.each<[string, unknown]>([
    ['no user', { items }],
    ['a user that is none', { userId: -1, items }],
    ['no lines', { userId: 1, items: [] }],
    ['51 lines', lines(51)],
    ['quantity 0', line(0)],
    ['quantity -1', line(-1)],
    ['quantity 1e9', line(1e9)],
    ['quantity 1001', line(1_001)],
    ['half a piece', line(0.5)],
    ['a quantity in words', line('one')],
    ['more than 1000 of a product in two lines', tooManyInAll],
    ['a product that is none', line(1, 'lamp')],
    ['an unknown field', { userId: 1, items, note: 'please' }],
    ['an unknown field of a line', { userId: 1, items: [{ ...items[0], price: 1 }] }],
    ['a coupon that is none', { userId: 1, items, couponId: 'FREE' }],
    ['a coupon and more', { userId: 1, items, couponId: `${uuidv7()}0` }],
    ['a total that is none', { userId: 1, items, expectedTotal: -1 }],
    ['a list', []],
    ['nothing', undefined],
  ])('when an order has %s, then it is refused', async (_what, body) => {
    const orders = await service.database.query('SELECT COUNT(*) AS count FROM orders');
    const answer = await api.request<Problem>('POST', '/orders', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED', status: 400 } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await service.database.query('SELECT COUNT(*) AS count FROM orders')).toEqual(orders);
  });

  it('when an order is exactly at the limits, then it is accepted', async () => {
    const userId = nextUserId();
    expect((await api.request('POST', '/orders', { body: { ...lines(50), userId } })).status).toBe(202);
    expect((await api.request('POST', '/orders', { body: { ...line(1_000), userId } })).status).toBe(202);
  });

  it.each<[string, Parameters<Api['request']>, number, string]>([
    ['malformed JSON', ['POST', '/orders', { raw: '{' }], 400, 'VALIDATION_FAILED'],
    ['a large body', ['POST', '/orders', { raw: ' '.repeat(1_000_000) }], 413, 'PAYLOAD_TOO_LARGE'],
    [
      'a key of 300 characters',
      ['POST', '/orders', { body: { userId: 1, items }, headers: { 'idempotency-key': 'k'.repeat(300) } }],
      400,
      'VALIDATION_FAILED',
    ],
    [
      'a cursor that is none',
      ['GET', '/orders', { query: { userId: 1, cursor: 'rubbish' } }],
      400,
      'VALIDATION_FAILED',
    ],
    ['limit 101', ['GET', '/orders', { query: { userId: 1, limit: 101 } }], 400, 'VALIDATION_FAILED'],
    ['limit 0', ['GET', '/orders', { query: { userId: 1, limit: 0 } }], 400, 'VALIDATION_FAILED'],
    ['an unknown status', ['GET', '/orders', { query: { userId: 1, status: 'LOST' } }], 400, 'VALIDATION_FAILED'],
    ['no user', ['GET', '/orders'], 400, 'VALIDATION_FAILED'],
    ['no user', ['GET', `/orders/${uuidv7()}`], 400, 'VALIDATION_FAILED'],
    ['another method', ['DELETE', '/orders'], 405, 'METHOD_NOT_ALLOWED'],
  ])('when a request has %s (%j), then it is refused', async (_what, request, status, code) => {
    expect(await api.request(...request)).toMatchObject({ status, body: { status, code } });
  });
});

it('when waiting clients leave, then no wait is left', async () => {
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      await api
        .request('POST', '/orders', {
          body: { userId: nextUserId(), items: [{ productId: 1, quantity: 1 }] },
          headers: { prefer: 'wait=30' },
          timeoutMs: 300,
        })
        .catch(() => undefined);
    }),
  );
  await eventually('nobody waiting', async () => (await service.metric('order_waiting_requests')) === 0, {
    withinMs: 3_000,
  });
});
