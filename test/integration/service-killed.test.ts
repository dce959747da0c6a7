import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { readGauges } from '../../ops/src/status/gauges.ts';
import { type Answer, Api, expectStatus } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { readMetrics } from '../support/metrics.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let api: System['api'];
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  system = await startSystem({ instances: 1, knownInstances: 2 });
  api = system.api;
}, 120_000);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => system?.stop(), 30_000);

interface Seen {
  readonly at: number;
  readonly ms: number;
  readonly answer: Answer;
}

const REFUSED_FOR_LOAD = /Too much is asked for|waited for too long|Too many requests are waiting/;

/** Repeats a request, `atOnce` at a time, until it is stopped. */
function askFor(method: string, path: string, { body, atOnce = 4 }: { body?: unknown; atOnce?: number } = {}) {
  const seen: Seen[] = [];
  let going = true;
  const ask = async (): Promise<void> => {
    while (going) {
      const at = performance.now();
      const answer = await api.request(method, path, body === undefined ? {} : { body });
      // A busy machine refuses some: that tells nothing of the service that died.
      if (!REFUSED_FOR_LOAD.test(answer.text)) seen.push({ at, ms: performance.now() - at, answer });
      await sleep(5);
    }
  };
  const asking = Promise.all(Array.from({ length: atOnce }, ask));
  const stop = async () => {
    going = false;
    await asking;
  };
  cleanups.push(stop);
  return { seen, stop };
}

const statuses = (seen: readonly Seen[]) => [...new Set(seen.map(({ answer }) => answer.status))].sort();
const breakerIs = async (state: string, upstream = 'catalog') => {
  const gauges = readGauges(await readMetrics(system.process('gateway').url), 'gateway_breaker_state');
  return gauges.some(({ labels, value }) => labels.upstream === upstream && labels.state === state && value === 1);
};

it('when a service is killed under load, then its routes answer at once with 503 or the last good answer, and it recovers', async () => {
  const productId = await api.newProduct(100, 1_000);
  const userId = await api.newUser(10_000);
  const products = askFor('GET', `/products/${productId}`);
  const changes = askFor('PATCH', `/products/${productId}`, { body: { price: 100 } });
  const points = askFor('GET', `/points?userId=${userId}`);
  const orders = askFor('GET', `/orders?userId=${userId}`);
  await eventually('load on every route', () =>
    [products, changes, points, orders].every(({ seen }) => seen.length > 50),
  );
  const killed = performance.now();
  await system.process('catalog').kill9();
  await eventually('the breaker to open', () => breakerIs('open'), { withinMs: 3_000 });
  // An order is accepted all the same.
  const placed = expectStatus(await api.placeOrder(userId, [[productId, 1]]), 202);
  await sleep(500);

  const since = (at: number, { seen }: { seen: readonly Seen[] }) => seen.filter((each) => each.at >= at);
  for (const { ms } of since(killed, products).concat(since(killed, changes))) expect(ms).toBeLessThan(1_000);
  const away = since(killed + 1_000, changes);
  expect(statuses(away)).toEqual([503]);
  for (const { answer } of away) {
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.body).toMatchObject({ code: 'SERVICE_UNAVAILABLE', traceId: expect.any(String) });
  }
  expect(statuses(products.seen)).toEqual([200]);
  for (const { answer } of since(killed + 1_000, products)) {
    expect(answer.headers.get('warning')).toBe('110 - "Response is Stale"');
    expect(answer.body).toMatchObject({ productId });
  }
  expect(statuses([...points.seen, ...orders.seen])).toEqual([200]);

  await system.start('catalog');
  const back = performance.now();
  await eventually('writes to go through again', () => changes.seen.at(-1)?.answer.status === 200, { withinMs: 2_000 });
  await eventually('the breaker to close', () => breakerIs('closed'), { withinMs: 2_000 });
  await eventually('fresh answers', () => products.seen.at(-1)?.answer.headers.get('warning') === null, {
    withinMs: 2_000,
  });
  expect(performance.now() - back).toBeLessThan(2_500);
  for (const asked of [products, changes, points, orders]) await asked.stop();
  expect((await api.settled(placed.body.orderId, userId)).status).toBe('COMPLETED');
  await expectCleanAudit(system);
});

it('when one of two instances is killed under load, then reads do not notice, and the breaker stays closed', async () => {
  const userId = await api.newUser(10_000);
  await system.start('payment', 2);
  const points = askFor('GET', `/points?userId=${userId}`, { atOnce: 20 });
  await eventually('load', () => points.seen.length > 500);
  await system.process('payment', 2).kill9();
  const killed = performance.now();
  await eventually('load afterwards', () => points.seen.filter(({ at }) => at > killed).length > 500);
  expect(statuses(points.seen)).toEqual([200]);
  expect(await breakerIs('closed', 'payment')).toBe(true);
  await points.stop();
  // Started again, so that the system can be stopped as a whole.
  await system.start('payment', 2);
});

it('when Redis is killed, then orders continue, and limits hold in each gateway alone until it is back', async () => {
  const productId = await api.newProduct(100, 1_000);
  const userId = await api.newUser(10_000);
  const limited = await system.start('gateway', 2, { RATE_LIMIT_ADDRESS: '30/3600' });
  const other = new Api(limited.url);
  const redis = system.stack.part('redis');
  await redis.kill9();
  cleanups.push(() => redis.start());

  for (let i = 0; i < 5; i++) expectStatus(await api.placeOrder(userId, [[productId, 1]], { wait: 10 }), 201);
  const told: Answer[] = [];
  for (let i = 0; i < 40; i++) told.push(await other.request('GET', '/points', { query: { userId } }));
  expect(told.map(({ status }) => status)).toEqual([...Array(30).fill(200), ...Array(10).fill(429)]);
  expect(told[0]?.headers.get('ratelimit-policy')).toBe('"address";q=30;w=3600');
  expect(told[0]?.headers.get('ratelimit')).toBe('"address";r=29;t=3600');
  expect(told.at(-1)?.body).toMatchObject({ code: 'RATE_LIMITED', status: 429 });
  expect(Number(told.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(3_000);
  const common = async () => /^gateway_rate_limits_common{.*} 1$/m.test(await readMetrics(limited.url));
  expect(await common()).toBe(false);

  await redis.start();
  await eventually('limits to be common', common);
  // A third gateway learns of the address from Redis.
  const third = new Api((await system.start('gateway', 3, { RATE_LIMIT_ADDRESS: '30/3600' })).url);
  await eventually('the other gateway to refuse', async () => (await third.request('GET', '/products')).status === 429);
  await expectCleanAudit(system);
});
