import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectStatus, type Problem } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let api: System['api'];

beforeAll(async () => {
  system = await startSystem();
  api = system.api;
}, 120_000);

afterAll(() => system?.stop(), 30_000);

it.each([
  { away: 'catalog', route: '/products', others: ['/points?userId=1', '/orders?userId=1'] },
  { away: 'payment', route: '/points?userId=1', others: ['/products', '/orders?userId=1'] },
  { away: 'order', route: '/orders?userId=1', others: ['/products', '/points?userId=1'] },
] as const)('when $away is away, then its routes alone answer 503, and it is back when it is back', async (row) => {
  const productId = await api.newProduct(100, 10);
  const userId = await api.newUser(1_000);
  await system.process(row.away).stop();

  const answer = expectStatus(await api.request<Problem>('GET', row.route), 503);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(answer.body).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE', traceId: expect.any(String) });
  for (const other of row.others) expectStatus(await api.request('GET', other), 200);

  // Orders are accepted without catalog and payment, and end once these are back.
  const placed = await api.placeOrder(userId, [[productId, 1]], { once: row.away === 'order' });
  expect(placed.status).toBe(row.away === 'order' ? 503 : 202);
  await system.start(row.away);
  await eventually(`${row.route} to answer again`, async () => (await api.request('GET', row.route)).status === 200);
  if (row.away !== 'order') expect((await api.settled(placed.body.orderId, userId)).status).toBe('COMPLETED');
  await expectCleanAudit(system);
});
