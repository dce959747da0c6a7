import { afterEach, expect, it } from '@jest/globals';
import { eventually } from '@shop/chassis/testing';
import { fakeService, startGateway } from '../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it.each([
  ['GET', '/orders/1', 200],
  ['POST', '/orders', 202],
  ['POST', '/orders/1/cancel', 202],
])(
  'when more clients than half of the places wait for their orders (%s %s), then the others get the present state, and others are served',
  async (method, path, status) => {
    const order = await fakeService(({ headers, method: asked }, response) => {
      if (!headers.prefer) response.writeHead(asked === 'POST' ? 202 : 200).end('{}');
    });
    cleanups.push(order.close);
    const gateway = await startGateway([order.url], { maxInFlight: 20, timeoutMs: 10_000 });
    cleanups.push(gateway.close);
    const leave = new AbortController();
    const statuses: number[] = [];
    const asked = Array.from({ length: 20 }, async () => {
      const init = { method, headers: { prefer: 'wait=5' }, signal: leave.signal };
      const answer = await fetch(gateway.url + path, init).catch(() => undefined);
      if (answer) statuses.push(answer.status);
    });
    await eventually(() => order.requests.length >= 20);
    expect((await fetch(`${gateway.url}/orders/2`)).status).toBe(200);
    await eventually(() => statuses.length === 10);
    expect([gateway.upstreams.order.waiting, new Set(statuses)]).toEqual([10, new Set([status])]);

    leave.abort();
    await Promise.all(asked);
    await eventually(() => gateway.upstreams.order.waiting === 0);
  },
);
