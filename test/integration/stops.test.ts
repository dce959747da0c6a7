import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { SqlConnection } from '../../ops/src/sql.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { readMetrics } from '../support/metrics.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

// Payment is away, so that orders stay PENDING and clients wait.
const DEADLINE_MS = 120_000;
const WAIT_SECONDS = 30;

let system: System;
let api: System['api'];
let root: SqlConnection;
let productId: number;
let userId: number;

beforeAll(async () => {
  system = await startSystem({ env: { ORDER_DEADLINE_MS: String(DEADLINE_MS) } });
  api = system.api;
  root = await connectRoot(system.stack);
  productId = await eventually('a product', () => api.newProduct(100, 100));
}, 120_000);

afterAll(async () => {
  await root?.close();
  await system?.stop();
}, 60_000);

beforeEach(async () => {
  userId = await eventually('a user', () => api.newUser(10_000));
});

async function orderOf(user: number): Promise<string> {
  return await eventually('the order to be placed', async () => {
    const rows = await root.query<{ id: string }>('SELECT order_id AS id FROM shop_order.orders WHERE user_id = ?', [
      user,
    ]);
    return rows[0]?.id;
  });
}

/** Follows the order's steps. @returns all of them, once the stream has ended in order */
async function follow(orderId: string): Promise<{ first: string; rest: Promise<string> }> {
  const answer = await fetch(`${api.baseUrl}/orders/${orderId}/events?userId=${userId}`);
  expect(answer.status).toBe(200);
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader?.read())?.value ?? '';
  const rest = (async () => {
    let text = '';
    // Rejects when the connection breaks.
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) return text;
      text += next.value;
    }
  })();
  return { first, rest };
}

it.each(['gateway', 'order'] as const)(
  'when the %s stops while clients wait for an order and follow it, then they are answered before it ends',
  async (service) => {
    await system.process('payment').stop();
    const waiting = api.placeOrder(userId, [[productId, 1]], { wait: WAIT_SECONDS });
    const orderId = await orderOf(userId);
    const looking = api.order(orderId, userId, WAIT_SECONDS);
    const { first, rest } = await follow(orderId);
    expect(first).toContain('retry:');
    await eventually('both clients to wait', async () => {
      const text = await readMetrics(system.process('order').url);
      return /^order_waiting_requests\{[^}]*\} 2$/m.test(text);
    });
    const stopped = system.process(service).stop();

    const answer = expectStatus(await waiting, 202);
    expect(answer.headers.get('location')).toBe(`/orders/${orderId}`);
    expect(answer.body).toMatchObject({ orderId, status: 'PENDING' });
    expect(expectStatus(await looking, 200).body).toMatchObject({ orderId, status: 'PENDING' });
    await rest;
    expect(await stopped).toBe(true);

    await system.start(service);
    await system.start('payment');
    expect((await api.settled(orderId, userId, 60)).status).toBe('COMPLETED');
    const orders = await root.query('SELECT order_id FROM shop_order.orders WHERE user_id = ?', [userId]);
    expect(orders).toHaveLength(1);
    await expectCleanAudit(system);
  },
  150_000,
);
