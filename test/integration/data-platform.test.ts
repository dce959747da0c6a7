import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { deriveEventId } from '@shop/events';
import { readAddresses } from '../../ops/src/addresses.ts';
import { openPlatform } from '../../ops/src/data-platform.ts';
import { readGauges } from '../../ops/src/status/gauges.ts';
import { expectAcceptedOrdersEnded } from '../support/accepted-orders.ts';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { untilDeadLetters } from '../support/dead-letters.ts';
import { eventually } from '../support/eventually.ts';
import { startLoad } from '../support/load.ts';
import { readMetrics } from '../support/metrics.ts';
import { expectOps } from '../support/ops.ts';
import { testStack } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const REJECTS = join(testStack().dir, 'rejects');
let system: System;
let api: System['api'];
let users: number[];
let products: number[];

beforeAll(async () => {
  reject();
  system = await startSystem({ env: { SINK_REJECTS: REJECTS } });
  api = system.api;
  users = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1_000_000)));
  products = await Promise.all([5_000, 5_000, 20].map((stock) => api.newProduct(10, stock)));
}, 120_000);
beforeEach(() => reject());
afterAll(() => system?.stop(), 60_000);

/** Makes the platform refuse the events of this order; of none by default. */
function reject(orderId = ''): void {
  writeFileSync(REJECTS, orderId);
}

const kept = async () => (await openPlatform(readAddresses(system.stack.env).dataPlatform).ids(0)).ids;

async function stats(): Promise<{ events: number; duplicates: number; batches: number }> {
  const answer = await fetch(`${system.process('data-platform').url}/stats`);
  return (await answer.json()) as Awaited<ReturnType<typeof stats>>;
}

/** A metric of the order service, with these labels. */
async function measured(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const text = await readMetrics(system.process('order').url);
  const matching = readGauges(text, name).filter((gauge) =>
    Object.entries(labels).every(([label, value]) => gauge.labels[label] === value),
  );
  return matching.reduce((sum, gauge) => sum + gauge.value, 0);
}

const breakerIs = (state: string) =>
  eventually(
    `the breaker to be ${state}`,
    async () => (await measured('data_platform_breaker_state', { state })) === 1,
    {
      withinMs: 30_000,
    },
  );

it('when the platform is killed under load and comes back, then no order waits for it, and it gets each end once', async () => {
  const load = startLoad(api, { perSecond: 40, users, products });
  try {
    await load.accepted(40);
    await system.process('data-platform').kill9();
    await load.accepted(100);
    await breakerIs('open');
    expect((await fetch(`${system.process('order').url}/health/ready`)).status).toBe(200);
  } finally {
    await load.stop();
  }
  // Idle except for deliveries, which cannot be checked while the platform is away.
  await untilIdle(system);
  const { accepted, ends } = await expectAcceptedOrdersEnded(system, load.answers);
  // No order missed its deadline.
  expect(ends).toEqual({ COMPLETED: expect.any(Number), 'CANCELLED OUT_OF_STOCK': expect.any(Number) });
  expect(ends.COMPLETED).toBeGreaterThan(100);
  expect(await measured('events_consumer_waiting', { group: 'data-platform' })).toBe(1);

  await system.start('data-platform');
  await expectCleanAudit(system);
  await breakerIs('closed');
  expect(await measured('data_platform_breaker_changes_total', { state: 'closed' })).toBeGreaterThanOrEqual(1);
  expect((await kept()).length).toBe(accepted);
  expect(await measured('data_platform_delivered_total', {})).toBe(accepted);
});

it('when the order service dies between the call and its commit, then the events are sent again, and kept once', async () => {
  await system.process('data-platform').stop();
  const [userId = 0, productId = 0] = [users[0], products[0]];
  for (let n = 0; n < 5; n += 1) expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201);
  const before = await system.start('data-platform', 1, { SINK_ANSWER_AFTER_MS: '2000' }).then(stats);
  // The platform keeps events before it answers: the service is in the middle of the call.
  await eventually('deliveries', async () => (await stats()).events > before.events, { withinMs: 30_000, everyMs: 5 });
  await system.process('order').kill9();
  await system.start('order');
  await expectCleanAudit(system);
  expect((await stats()).duplicates).toBeGreaterThan(0);
  expect((await stats()).events).toBe(before.events + 5);
});

it('when the platform refuses one event, then only that order is set aside, and a redrive delivers it in order', async () => {
  await system.process('data-platform').stop();
  const [userId = 0, productId = 0] = [users[1], products[1]];
  const orderIds: string[] = [];
  for (let n = 0; n < 6; n += 1) {
    const { body } = expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 20 }), 201);
    orderIds.push(body.orderId);
  }
  const [guilty = ''] = orderIds;
  expectStatus(await api.cancel(guilty, userId), 202);
  reject(guilty);
  await system.start('data-platform');
  const letters = await untilDeadLetters(system, 'order', guilty, ['order-completed DEAD', 'order-cancelled PARKED']);
  expect(letters[0]?.error).toContain('400');
  const report = await expectCleanAudit(system);
  const finding = report.findings.find(({ name }) => name === 'ended-orders-are-delivered');
  expect(finding).toMatchObject({ failed: 0, parked: 2, underway: 0 });
  const ids = await kept();
  for (const orderId of orderIds.slice(1)) expect(ids).toContain(deriveEventId(orderId, 'order-completed'));

  reject();
  await expectOps(system.stack, ['dead-letters', 'redrive', '--group', 'data-platform', '--execute']);
  await untilDeadLetters(system, 'order', guilty, ['order-completed REDRIVEN', 'order-cancelled REDRIVEN']);
  const ends = (['order-completed', 'order-cancelled'] as const).map((type) => deriveEventId(guilty, type));
  expect((await kept()).slice(-2)).toEqual(ends);
  await expectCleanAudit(system);
});
