import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectAcceptedOrdersEnded } from '../support/accepted-orders.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { readMetric } from '../support/metrics.ts';
import { type System, startSystem } from '../support/system.ts';

const PER_SECOND = 60;
/** How long an order may wait for those before it. After twice that without an end no order is accepted. */
const TARGET_MS = 2_000;

let system: System;
let api: System['api'];

beforeAll(async () => {
  system = await startSystem({ env: { ORDER_BACKLOG_TARGET_MS: String(TARGET_MS) } });
  api = system.api;
}, 120_000);

afterAll(() => system?.stop(), 30_000);

const refusals = (reason: string) =>
  readMetric(system.process('order').url, 'order_admission_refused_total', { reason });

it('when payment stalls under load, then soon orders are refused quickly, all accepted orders complete, and the shop recovers', async () => {
  const users = await Promise.all(Array.from({ length: 20 }, () => api.newUser(1_000_000)));
  const [productId, other] = await Promise.all([api.newProduct(100, 50_000), api.newProduct(100, 50_000)]);
  const early = expectStatus(await api.placeOrder(users[0] ?? 0, [[productId, 1]], { key: 'early', wait: 10 }), 201);
  const load = startLoad(api, { perSecond: PER_SECOND, users, products: [productId, other] });
  const { pid } = system.process('payment');
  try {
    await load.accepted(2 * PER_SECOND);
    process.kill(pid, 'SIGSTOP');
    await eventually('orders to be refused, since none ends', async () => (await refusals('stalled')) > 0);
    // Requests admitted before are answered.
    await load.refused(10);
    await sleep(500);
    const from = load.answers.length;
    await load.refused(5 * PER_SECOND);
    const answers = load.answers.slice(from);
    expect(answers.filter(({ status }) => status !== 503)).toEqual([]);
    expect(answers.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(answers.length / 2)]).toBeLessThan(500);
    const refused = await api.placeOrder(users[0] ?? 0, [[productId, 1]], { once: true });
    expect(refused.body).toMatchObject({ code: 'SERVICE_UNAVAILABLE', status: 503 });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);

    // Orders in progress continue, and so do other operations.
    const orderId = load.answers.find(({ status }) => status === 202)?.orderId ?? '';
    const { userId, key } = load.answers.find((answer) => answer.orderId === orderId) ?? { userId: 0, key: '' };
    expectStatus(await api.order(orderId, userId), 200);
    const again = await api.placeOrder(users[0] ?? 0, [[productId, 1]], { key: 'early' });
    expect(expectStatus(again, 202).body.orderId).toBe(early.body.orderId);
    expect(key).not.toBe('');
    expectStatus(await api.request('GET', '/products'), 200);
    const pending = await api.request<{ items: { orderId: string; userId: number }[] }>('GET', '/orders', {
      query: { userId, status: 'PENDING' },
    });
    expectStatus(pending, 200);
    for (const each of pending.body.items.slice(0, 1)) expectStatus(await api.cancel(each.orderId, userId), 202);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  // The shop recovers by itself.
  await load.accepted(3 * PER_SECOND);
  await load.stop();
  await expectCleanAudit(system);
  const { ends, accepted } = await expectAcceptedOrdersEnded(system, load.answers);
  expect(Object.keys(ends).filter((end) => !['COMPLETED', 'CANCELLED ORDER_CANCELLED'].includes(end))).toEqual([]);
  expect(accepted - (ends.COMPLETED ?? 0)).toBeLessThanOrEqual(1);
}, 120_000);
