import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@shop/chassis/testing';
import { deadAddress, type FakeService, fakeService, startGateway } from '../testing.ts';
import { createRetryBudget } from './retry-budget.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

type Answer = Parameters<typeof fakeService>[0];

async function service(answer: Answer, port?: number): Promise<FakeService> {
  const started = await fakeService(answer, port);
  open.push(started);
  return started;
}

async function gateway(...args: Parameters<typeof startGateway>) {
  const started = await startGateway(...args);
  open.push(started);
  return started;
}

const ok: Answer = (_request, response) => json(response, 200, { ok: true });
/** A dying process: received requests get no answer. */
const dies: Answer = (request) => request.socket.destroy();
/** A stopped process: not even its health is answered. */
const hangs: Answer = () => undefined;

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

const post = (url: string) => fetch(url, { method: 'POST', body: '{}' });
const repeat = async (times: number, ask: () => Promise<Response>) => {
  const statuses: number[] = [];
  for (let i = 0; i < times; i++) statuses.push((await ask()).status);
  return statuses;
};
const asked = ({ requests }: FakeService, method: string) =>
  requests.filter(({ request }) => request.method === method);
const orders = ({ requests }: FakeService) => requests.filter(({ request }) => request.url?.startsWith('/orders'));

describe('the breaker', () => {
  it('when a service does not answer, then the breaker opens, says so, refuses at once, and closes when the service is back', async () => {
    const address = await deadAddress();
    const { url, upstreams, metrics } = await gateway([address]);
    expect(new Set(await repeat(6, () => post(`${url}/orders`)))).toEqual(new Set([503]));
    expect(upstreams.order.breaker.closed).toBe(false);
    expect(await metrics.render()).toContain('gateway_breaker_state{upstream="order",state="open"} 1');

    const refused = await post(`${url}/orders`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      detail: expect.stringContaining('nothing was done'),
    });

    const back = await service(ok, Number(new URL(address).port));
    await eventually(async () => (await post(`${url}/orders`)).status === 200, { timeoutMs: 2_000 });
    expect(back.requests[0]?.request.url).toBe('/health/live');
    expect(await metrics.render()).toContain('gateway_breaker_state{upstream="order",state="closed"} 1');
  });

  it('when a service hangs, then requests stop waiting for it once that is known', async () => {
    const order = await service(hangs);
    const { url } = await gateway([order.url], { readMs: 150 });
    await Promise.all(Array.from({ length: 8 }, () => fetch(`${url}/orders/1`)));
    const received = orders(order).length;
    expect(await repeat(20, () => fetch(`${url}/orders/1`))).toEqual(Array(20).fill(503));
    expect(orders(order).length).toBe(received);
  });

  it.each([404, 409, 429, 500, 503])(
    'when a service answers everything with %i, then the breaker stays closed: the service is there',
    async (status) => {
      const order = await service((_request, response) => json(response, status, {}));
      const { url, upstreams } = await gateway([order.url]);
      expect(await repeat(10, () => post(`${url}/orders`))).toEqual(Array(10).fill(status));
      expect(upstreams.order.breaker.closed).toBe(true);
    },
  );

  it('when an instance dies during requests and another is there, then the breaker stays closed', async () => {
    const atWork: IncomingMessage[] = [];
    const dying = await service((request) => {
      if (request.method === 'POST') atWork.push(request);
      else request.socket.destroy();
    });
    const address = await deadAddress();
    const { url, upstreams } = await gateway([dying.url, address]);
    const asked = Promise.all(Array.from({ length: 10 }, () => post(`${url}/orders`)));
    await eventually(() => atWork.length === 10);
    await service(ok, Number(new URL(address).port));
    await eventually(() => upstreams.order.candidates().every(({ away }) => !away));
    for (const request of atWork) request.socket.destroy();
    expect((await asked).map(({ status }) => status)).toEqual(Array(10).fill(503));
    expect(upstreams.order.breaker.closed).toBe(true);
    expect(await repeat(4, () => post(`${url}/orders`))).toEqual([200, 200, 200, 200]);
  });

  it.each([
    ['is dead', () => deadAddress()],
    ['breaks every connection', async () => (await service(dies)).url],
    ['hangs', async () => (await service(hangs)).url],
  ])(
    'when one of two instances %s, then the breaker stays closed and the other gets the requests',
    async (_how, sick) => {
      const well = await service(ok);
      const { url, upstreams } = await gateway([await sick(), well.url], { timeoutMs: 200 });
      const statuses = await repeat(40, () => post(`${url}/orders`));
      expect(upstreams.order.breaker.closed).toBe(true);
      expect(statuses.filter((status) => status !== 200).length).toBeLessThanOrEqual(1);
    },
  );

  it('when a hung instance answers again, then it gets requests again', async () => {
    let ill = true;
    const first = await service((...args) => (ill ? hangs : ok)(...args));
    const { url } = await gateway([first.url, (await service(ok)).url], { timeoutMs: 150 });
    await repeat(4, () => post(`${url}/orders`));
    ill = false;
    const before = orders(first).length;
    await eventually(async () => (await post(`${url}/orders`)) && orders(first).length > before);
  });
});

describe('second tries', () => {
  it('when a connection breaks before the answer, then a read is sent once more, and a write is not', async () => {
    let received = 0;
    const order = await service((request, response) => (received++ === 0 ? dies : ok)(request, response, ''));
    const { url, metrics } = await gateway([order.url]);
    expect((await fetch(`${url}/orders/1`)).status).toBe(200);
    expect(orders(order)).toHaveLength(2);
    expect(await metrics.render()).toContain('gateway_retries_total{upstream="order"} 1');

    const writes = await service(dies);
    const other = await gateway([writes.url]);
    expect((await post(`${other.url}/orders`)).status).toBe(503);
    expect(asked(writes, 'POST')).toHaveLength(1);
  });

  it('when the second try breaks too, then there is no third', async () => {
    const order = await service(dies);
    const { url } = await gateway([order.url]);
    expect((await fetch(`${url}/orders/1`)).status).toBe(503);
    expect(orders(order)).toHaveLength(2);
  });

  it('when a read exceeds its time, then it is not tried again', async () => {
    const order = await service(hangs);
    const { url } = await gateway([order.url], { readMs: 100 });
    expect((await fetch(`${url}/orders/1`)).status).toBe(503);
    expect(orders(order)).toHaveLength(1);
  });

  it('when every read fails, then second tries are a tenth of them plus the saved ones', () => {
    const retries = createRetryBudget();
    let spent = 0;
    for (let i = 0; i < 1_000; i++) {
      retries.earn();
      if (retries.spend()) spent++;
    }
    expect(spent).toBeGreaterThanOrEqual(100);
    expect(spent).toBeLessThanOrEqual(150);
  });
});

describe('last good answers', () => {
  it.each([
    ['dies', dies],
    ['hangs', hangs],
    ['fails', ((_request, response) => json(response, 500, {})) as Answer],
    ['is too busy', ((_request, response) => json(response, 503, {})) as Answer],
  ])(
    'when a service %s, then reads that are the same for all get their last good answer, marked',
    async (_how, ill) => {
      let now: Answer = (_request, response) => json(response, 200, { items: ['a'] });
      const catalog = await service((...args) => now(...args));
      const { url, metrics } = await gateway([], { catalogUrls: [catalog.url], readMs: 150 });
      expect((await fetch(`${url}/products?limit=5`)).headers.get('warning')).toBeNull();
      now = ill;
      // Longer than the breaker needs to open.
      for (let i = 0; i < 12; i++) {
        const answer = await fetch(`${url}/products?limit=5`);
        expect([answer.status, answer.headers.get('age')]).toEqual([200, expect.stringMatching(/^\d$/)]);
        expect(answer.headers.get('warning')).toBe('110 - "Response is Stale"');
        expect(answer.headers.get('content-type')).toBe('application/json');
        expect(await answer.json()).toEqual({ items: ['a'] });
      }
      expect((await fetch(`${url}/products?limit=6`)).status).toBeGreaterThanOrEqual(500);
      expect(await metrics.render()).toContain('gateway_stale_answers_total{route="/products"} 12');
    },
  );

  it('when the service is well again, then its own answer is sent', async () => {
    let name = 'old';
    let now: Answer = (_request, response) => json(response, 200, { name });
    const catalog = await service((...args) => now(...args));
    const { url } = await gateway([], { catalogUrls: [catalog.url] });
    await fetch(`${url}/products/1`);
    const well = now;
    now = (_request, response) => json(response, 500, {});
    expect(await (await fetch(`${url}/products/1`)).json()).toEqual({ name: 'old' });
    now = well;
    name = 'new';
    const answer = await fetch(`${url}/products/1`);
    expect([answer.headers.get('warning'), await answer.json()]).toEqual([null, { name: 'new' }]);
  });

  it('when an answer depends on the user, or is a refusal, then it is never kept', async () => {
    let now: Answer = ok;
    const order = await service((...args) => now(...args));
    const catalog = await service((...args) => now(...args));
    const { url } = await gateway([order.url], { catalogUrls: [catalog.url] });
    expect((await fetch(`${url}/orders/1`)).status).toBe(200);
    now = (_request, response) => json(response, 404, {});
    expect((await fetch(`${url}/products/1`)).status).toBe(404);
    now = dies;
    expect((await fetch(`${url}/orders/1`)).status).toBe(503);
    expect((await fetch(`${url}/products/1`)).status).toBe(503);
  });

  it('when an answer comes in pieces, then it is kept whole', async () => {
    const large = 'x'.repeat(200_000);
    let now: Answer = (_request, response) => response.writeHead(200, { 'Content-Type': 'text/plain' }).end(large);
    const catalog = await service((...args) => now(...args));
    const { url } = await gateway([], { catalogUrls: [catalog.url] });
    await (await fetch(`${url}/products`)).text();
    now = dies;
    expect(await (await fetch(`${url}/products`)).text()).toBe(large);
  });

  it('when an answer breaks off in the middle, then it is not kept', async () => {
    let now: Answer = (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': '100' }).write('half');
      setTimeout(() => response.destroy(), 20);
    };
    const catalog = await service((...args) => now(...args));
    const { url } = await gateway([], { catalogUrls: [catalog.url] });
    await expect(fetch(`${url}/products`).then((answer) => answer.text())).rejects.toThrow();
    now = dies;
    expect((await fetch(`${url}/products`)).status).toBe(503);
  });
});

it('when a client sends its body slowly, then it holds no place at the service', async () => {
  const order = await service(ok);
  const { url, upstreams } = await gateway([order.url], { maxInFlight: 1 });
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(Buffer.from('{'));
      await sleep(300);
      controller.enqueue(Buffer.from('}'));
      controller.close();
    },
  });
  const slow = fetch(`${url}/orders`, { method: 'POST', body, duplex: 'half' } as RequestInit);
  await sleep(100);
  expect(upstreams.order.inFlight).toBe(0);
  expect((await post(`${url}/orders`)).status).toBe(200);
  expect((await slow).status).toBe(200);
});
