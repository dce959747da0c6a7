import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus, nextUserId, type OrderBody, type Page } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type System, sharedSystem } from '../support/system.ts';

let system: System;
let api: System['api'];

beforeAll(async () => {
  system = await sharedSystem();
  api = system.api;
}, 120_000);

// The shop must be consistent after these tests.
afterAll(() => expectCleanAudit(system), 60_000);

describe('an order that waits for its end', () => {
  it('when there is stock and money, then the order is 201 COMPLETED, and stock and points are reduced by exactly that', async () => {
    const first = await api.newProduct(1_200, 10);
    const second = await api.newProduct(350, 7);
    const userId = await api.newUser(10_000);
    const answer = expectStatus(
      await api.placeOrder(
        userId,
        [
          [first, 2],
          [second, 3],
        ],
        { wait: 10 },
      ),
      201,
    );
    expect(answer.body).toMatchObject({
      userId,
      status: 'COMPLETED',
      totalAmount: 3_450,
      discountAmount: 0,
      paidAmount: 3_450,
      items: [
        { productId: first, unitPrice: 1_200, quantity: 2 },
        { productId: second, unitPrice: 350, quantity: 3 },
      ],
    });
    expect(await Promise.all([api.stock(first), api.stock(second), api.balance(userId)])).toEqual([8, 4, 6_550]);
    expect(expectStatus(await api.order(answer.body.orderId, userId), 200).body).toEqual(answer.body);
    expect(answer.headers.get('location')).toBe(`/orders/${answer.body.orderId}`);
  });

  it('when the same product is on two lines, then the lines are merged', async () => {
    const productId = await api.newProduct(100, 5);
    const userId = await api.newUser(1_000);
    const { body } = expectStatus(
      await api.placeOrder(
        userId,
        [
          [productId, 1],
          [productId, 2],
        ],
        { wait: 10 },
      ),
      201,
    );
    expect(body.items).toEqual([expect.objectContaining({ productId, quantity: 3 })]);
    expect(await api.stock(productId)).toBe(2);
  });

  it('when everything is free, then the order completes with a payment of 0', async () => {
    const productId = await api.newProduct(0, 1);
    const { body } = expectStatus(await api.placeOrder(nextUserId(), [[productId, 1]], { wait: 10 }), 201);
    expect(body).toMatchObject({ status: 'COMPLETED', totalAmount: 0, paidAmount: 0 });
  });

  it('when the points do not suffice, then the order is 402, and the stock is restored', async () => {
    const productId = await api.newProduct(500, 4);
    const userId = await api.newUser(999);
    const { body } = expectStatus(await api.placeOrder(userId, [[productId, 2]], { wait: 10 }), 402);
    expect(body).toMatchObject({ code: 'INSUFFICIENT_BALANCE', status: 402 });
    expect(await api.settled(body.orderId, userId)).toMatchObject({
      status: 'CANCELLED',
      reason: 'INSUFFICIENT_BALANCE',
    });
    await expectCleanAudit(system);
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([4, 999]);
  });

  it('when one line is sold out, then the order is 409 and no line is taken', async () => {
    const scarce = await api.newProduct(10, 1);
    const plenty = await api.newProduct(10, 100);
    const userId = await api.newUser(1_000);
    const lines = [
      [plenty, 5],
      [scarce, 2],
    ] as const;
    const { body } = expectStatus(await api.placeOrder(userId, lines, { wait: 10 }), 409);
    expect(body).toMatchObject({ code: 'OUT_OF_STOCK', orderId: expect.any(String) });
    expect(await Promise.all([api.stock(scarce), api.stock(plenty), api.balance(userId)])).toEqual([1, 100, 1_000]);
  });

  it('when a product does not exist, then the order is 404 and nothing is taken', async () => {
    const productId = await api.newProduct(10, 5);
    const userId = await api.newUser(1_000);
    const lines = [
      [productId, 1],
      [987_654_321, 1],
    ] as const;
    const { body } = expectStatus(await api.placeOrder(userId, lines, { wait: 10 }), 404);
    expect(body.code).toBe('PRODUCT_NOT_FOUND');
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([5, 1_000]);
  });

  it('when the total is not the expected one, then the order is 409 PRICE_CHANGED; with the right one it completes', async () => {
    const productId = await api.newProduct(300, 5);
    const userId = await api.newUser(1_000);
    const wrong = expectStatus(await api.placeOrder(userId, [[productId, 2]], { wait: 10, expectedTotal: 500 }), 409);
    expect(wrong.body.code).toBe('PRICE_CHANGED');
    expectStatus(await api.placeOrder(userId, [[productId, 2]], { wait: 10, expectedTotal: 600 }), 201);
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([3, 400]);
  });
});

describe('many orders at once', () => {
  it('when 100 buy a product of which 50 are left, then 50 get it, 50 are told it is sold out, and none is left', async () => {
    const productId = await api.newProduct(10, 50);
    // Ten each: one user may not hold or wait for many pieces of one product.
    const users = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1_000)));
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => api.placeOrder(users[n % 10] ?? 0, [[productId, 1]], { wait: 20 })),
    );
    const outcomes = answers.map(({ status, body }) => `${status} ${status === 201 ? body.status : body.code}`);
    expect(count(outcomes)).toEqual({ '201 COMPLETED': 50, '409 OUT_OF_STOCK': 50 });
    await expectCleanAudit(system);
    const balances = await Promise.all(users.map((userId) => api.balance(userId)));
    expect([await api.stock(productId), balances.reduce((sum, balance) => sum + balance)]).toEqual([0, 9_500]);
  });

  it('when one account is charged 10 times at once, then it has the sum', async () => {
    const userId = nextUserId();
    const amounts = Array.from({ length: 10 }, (_, index) => (index + 1) * 100);
    const answers = await Promise.all(amounts.map((amount) => api.charge(userId, amount)));
    expect(answers.map((answer) => answer.status)).toEqual(amounts.map(() => 200));
    expect(await api.balance(userId)).toBe(5_500);
    const { body } = await api.request<Page<{ type: string; amount: number; balanceAfter: number }>>(
      'GET',
      '/points/history',
      { query: { userId } },
    );
    expect(body.items.map((item) => item.amount).sort((a, b) => a - b)).toEqual(amounts);
    expect(body.items[0]?.balanceAfter).toBe(5_500);
  });

  it('when one account pays for more orders at once than it can, then exactly those it can pay for complete', async () => {
    const productId = await api.newProduct(100, 1_000);
    const userId = await api.newUser(750);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.placeOrder(userId, [[productId, 1]], { wait: 20 })),
    );
    expect(count(answers.map((answer) => String(answer.status)))).toEqual({ '201': 7, '402': 13 });
    await expectCleanAudit(system);
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([993, 50]);
  });
});

describe('the same Idempotency-Key', () => {
  it('when an order is sent 20 times at once, then there is one order', async () => {
    const productId = await api.newProduct(100, 50);
    const userId = await api.newUser(5_000);
    const key = randomUUID();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => api.placeOrder(userId, [[productId, 1]], { key, wait: 10 })),
    );
    expect(count(answers.map((answer) => String(answer.status)))).toEqual({ '201': 20 });
    expect(new Set(answers.map((answer) => answer.body.orderId)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get('idempotency-replayed') === 'true')).toHaveLength(19);
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([49, 4_900]);
  });

  it("when an order's key comes with another body, then it is 422 and nothing is done", async () => {
    const productId = await api.newProduct(100, 50);
    const userId = await api.newUser(5_000);
    const key = randomUUID();
    expectStatus(await api.placeOrder(userId, [[productId, 1]], { key, wait: 10 }), 201);
    const { body } = expectStatus(await api.placeOrder(userId, [[productId, 2]], { key, wait: 10 }), 422);
    expect(body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await api.balance(userId)).toBe(4_900);
  });

  it('when another user has the same key, then it is another order', async () => {
    const productId = await api.newProduct(0, 50);
    const key = randomUUID();
    const answers = await Promise.all(
      [1, 2].map(() => api.placeOrder(nextUserId(), [[productId, 1]], { key, wait: 10 })),
    );
    expect(new Set(answers.map((answer) => expectStatus(answer, 201).body.orderId)).size).toBe(2);
  });

  it('when a charge is sent 20 times at once, then it is charged once, and each is told the same balance', async () => {
    const userId = nextUserId();
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.charge(userId, 700, key)));
    expect(answers.map((answer) => expectStatus(answer, 200).body)).toEqual(
      answers.map(() => ({ userId, balance: 700 })),
    );
    expect(await api.balance(userId)).toBe(700);
  });
});

describe('a cancellation', () => {
  it('when the order has completed, then a cancellation refunds it and restores its stock, once', async () => {
    const productId = await api.newProduct(400, 3);
    const userId = await api.newUser(1_000);
    const { orderId } = expectStatus(await api.placeOrder(userId, [[productId, 2]], { wait: 10 }), 201).body;
    const cancelled = await Promise.all(Array.from({ length: 5 }, () => api.cancel(orderId, userId)));
    expect(count(cancelled.map((answer) => String(answer.status)))).toEqual({ '202': 1, '200': 4 });
    await expectCleanAudit(system);
    expect(await api.settled(orderId, userId)).toMatchObject({ status: 'CANCELLED', reason: 'ORDER_CANCELLED' });
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([3, 1_000]);
  });

  it('when orders are cancelled right after they were placed, then each ends cancelled and nothing is kept', async () => {
    const productId = await api.newProduct(10, 100);
    const userId = await api.newUser(1_000);
    const orderIds = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { orderId } = expectStatus(await api.placeOrder(userId, [[productId, 1]]), 202).body;
        expectStatus(await api.cancel(orderId, userId), 202);
        return orderId;
      }),
    );
    await expectCleanAudit(system);
    const orders = await Promise.all(orderIds.map((orderId) => api.settled(orderId, userId)));
    expect(new Set(orders.map((order) => order.status))).toEqual(new Set(['CANCELLED']));
    expect(await Promise.all([api.stock(productId), api.balance(userId)])).toEqual([100, 1_000]);
  });

  it("when another user's order is read or cancelled, then it is 404, as if it did not exist", async () => {
    const productId = await api.newProduct(0, 5);
    const owner = nextUserId();
    const { orderId } = expectStatus(await api.placeOrder(owner, [[productId, 1]], { wait: 10 }), 201).body;
    const stranger = nextUserId();
    const asked = expectStatus(await api.order(orderId, stranger), 404);
    const missing = expectStatus(await api.order(randomUUID(), stranger), 404);
    const { traceId: _asked, ...askedProblem } = JSON.parse(asked.text);
    const { traceId: _missing, ...missingProblem } = JSON.parse(missing.text);
    expect(askedProblem).toEqual(missingProblem);
    expect(expectStatus(await api.cancel(orderId, stranger), 404).body.code).toBe('ORDER_NOT_FOUND');
    expect((await api.settled(orderId, owner)).status).toBe('COMPLETED');
  });
});

describe('lists', () => {
  it('when orders are listed page by page, then each is there once, the newest first', async () => {
    const productId = await api.newProduct(10, 4);
    const userId = await api.newUser(1_000);
    const placed: string[] = [];
    for (let i = 0; i < 7; i++) {
      placed.push((await api.placeOrder(userId, [[productId, 1]], { wait: 10 })).body.orderId);
    }
    const pages = await allPages<OrderBody>('/orders', { userId, limit: 3 });
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    expect(pages.flat().map((order) => order.orderId)).toEqual(placed.toReversed());
    const completed = await allPages<OrderBody>('/orders', { userId, limit: 3, status: 'COMPLETED' });
    expect(completed.flat().map((order) => order.orderId)).toEqual(placed.slice(0, 4).toReversed());
    expect((await allPages('/orders', { userId: nextUserId() })).flat()).toEqual([]);
  });

  it('when products are listed page by page, then each is there once', async () => {
    const pages = await allPages<{ productId: number }>('/products', { limit: 7 });
    const ids = pages.flat().map((product) => product.productId);
    expect(ids.length).toBeGreaterThan(7);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('when the history of points is read, then it shows every change, the newest first', async () => {
    const productId = await api.newProduct(100, 5);
    const userId = await api.newUser(500);
    const { orderId } = expectStatus(await api.placeOrder(userId, [[productId, 3]], { wait: 10 }), 201).body;
    expectStatus(await api.cancel(orderId, userId), 202);
    await expectCleanAudit(system);
    const pages = await allPages<{ type: string; amount: number; balanceAfter: number; orderId?: string }>(
      '/points/history',
      { userId, limit: 2 },
    );
    expect(pages.flat()).toEqual([
      expect.objectContaining({ type: 'REFUND', amount: 300, balanceAfter: 500, orderId }),
      expect.objectContaining({ type: 'USE', amount: 300, balanceAfter: 200, orderId }),
      expect.objectContaining({ type: 'CHARGE', amount: 500, balanceAfter: 500 }),
    ]);
  });
});

async function allPages<Item>(path: string, query: Record<string, string | number>): Promise<(readonly Item[])[]> {
  const pages: (readonly Item[])[] = [];
  let cursor: string | null = null;
  do {
    const answer: { body: Page<Item> } = expectStatus(
      await api.request<Page<Item>>('GET', path, { query: { ...query, ...(cursor ? { cursor } : {}) } }),
      200,
    );
    pages.push(answer.body.items);
    cursor = answer.body.nextCursor;
  } while (cursor);
  return pages;
}

function count(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
