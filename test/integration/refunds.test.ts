import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Api, expectStatus, type OrderBody } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type System, sharedSystem } from '../support/system.ts';

let system: System;
let api: Api;

beforeAll(async () => {
  system = await sharedSystem();
  api = system.api;
  // Two instances: the one that is asked may not be the one that hears of the refund.
  await system.start('order', 2);
}, 120_000);

// The shop must be consistent after these tests.
afterAll(() => expectCleanAudit(system), 60_000);

async function newOrder(points: number, price: number) {
  const [productId, userId] = [await api.newProduct(price, 10), await api.newUser(points)];
  const { body } = expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201);
  return { productId, userId, orderId: body.orderId };
}

/** Stops payment while `work` is done: it hears nothing, as when it lags. */
async function whilePaymentLags<T>(work: () => Promise<T>): Promise<T> {
  const { pid } = system.process('payment');
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

it('when payment lags behind a cancellation, then the order says that the points are on their way, and when they can be spent', async () => {
  const { productId, userId, orderId } = await newOrder(1_000, 1_000);
  const refund = (status: 'PENDING' | 'DONE') => ({ status, amount: 1_000 });
  await whilePaymentLags(async () => {
    const cancelled = expectStatus(await api.cancel(orderId, userId), 202).body;
    expect(cancelled).toMatchObject({ status: 'CANCELLED', paidAmount: 1_000, refund: refund('PENDING') });
    const asked = expectStatus(await api.cancel(orderId, userId, undefined, 1), 200);
    expect(asked.headers.get('preference-applied')).toBe('wait=1');
    expect(asked.body).toMatchObject({ refund: refund('PENDING') });
    expect(expectStatus(await api.order(orderId, userId, 1), 200).body).toMatchObject({ refund: refund('PENDING') });
  });
  const done = expectStatus(await api.order(orderId, userId, 20), 200).body;
  expect(done).toMatchObject({ paidAmount: 0, refund: refund('DONE') });
  // The points are back: the order after them is decided on them.
  const next = expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201);
  expect(next.body).toMatchObject({ paidAmount: 1_000 });
  expect(next.body).not.toHaveProperty('refund');
  const { items } = expectStatus(
    await api.request<{ items: OrderBody[] }>('GET', '/orders', { query: { userId } }),
    200,
  ).body;
  expect(items.map((it) => [it.status, it.paidAmount])).toEqual([
    ['COMPLETED', 1_000],
    ['CANCELLED', 0],
  ]);
});

it('when the cancellation is asked to wait, then its answer comes with the points, and they can be spent at once', async () => {
  const orders = await Promise.all([1, 2, 3].map(() => newOrder(1_000, 1_000)));
  for (const { productId, userId, orderId } of orders) {
    const { body } = expectStatus(await api.cancel(orderId, userId, undefined, 20), 202);
    expect(body).toMatchObject({ status: 'CANCELLED', paidAmount: 0, refund: { status: 'DONE', amount: 1_000 } });
    expect(await api.balance(userId)).toBe(1_000);
    expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201);
  }
});

it('when nothing was taken, then there is no refund to wait for', async () => {
  const { userId, orderId } = await newOrder(0, 0);
  const { body } = expectStatus(await api.cancel(orderId, userId, undefined, 20), 202);
  expect(body).toMatchObject({ paidAmount: 0 });
  expect(body).not.toHaveProperty('refund');
});
