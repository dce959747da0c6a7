import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ANYBODY } from '@shop/chassis';
import { eventually } from '@shop/chassis/testing';
import type { Guard } from '../passage.ts';
import type { Shedder } from '../protect/shedding.ts';
import { ROUTES } from '../routes.generated.ts';
import type { Route } from '../routes.ts';
import { fakeService, startGateway } from '../testing.ts';

const open: { close(): Promise<void> | void }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function routeOf(method: string, path: string): Route {
  const route = ROUTES.find((each) => each.method === method && each.path === path);
  if (!route) throw new Error(`there is no ${method} ${path}`);
  return route;
}
const PLACE_ORDER = routeOf('POST', '/orders');
const SEE_ORDER = routeOf('GET', '/orders/:id');

/** A gateway with one place for each class, in front of an order service that answers on command. */
async function gateway(options: Parameters<typeof startGateway>[1] = {}) {
  const answers: ServerResponse[] = [];
  const order = await fakeService((_request, response) => void answers.push(response));
  open.push(order);
  const started = await startGateway([order.url], { minLimit: 1, maxLimit: 1, ...options });
  open.push(started);
  const state = (route: Route) => {
    const { inFlight, queued } = started.admission.stateOf(route);
    return { inFlight, queued };
  };
  return {
    ...started,
    order,
    state,
    reached: (count: number) => eventually(async () => order.requests.length >= count),
    /** Answers the oldest request, or the oldest with this method. */
    answer(status = 202, method?: string) {
      const index = answers.findIndex(({ req }) => method === undefined || req.method === method);
      answers.splice(index, 1)[0]?.writeHead(status, { 'Content-Type': 'application/json' }).end('{}');
    },
  };
}

const place = (url: string, init: RequestInit = {}) => fetch(`${url}/orders`, { method: 'POST', body: '{}', ...init });

/** Takes the one place for new orders and fills the line. The line is refused in time. */
async function fill({ url, reached, state }: Awaited<ReturnType<typeof gateway>>): Promise<Promise<Response>[]> {
  const first = place(url);
  await reached(1);
  const waiting = Array.from({ length: 10 }, () => place(url));
  await eventually(async () => state(PLACE_ORDER).queued === 10);
  return [first, ...waiting];
}

async function socketTo(url: string): Promise<Socket & { text: () => string }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  open.push({ close: () => void socket.destroy() });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('connect', resolve));
  return Object.assign(socket, { text: () => text });
}

describe("requests beyond a service's capacity", () => {
  it('when place and line are full, then the next request is refused before its token and body are read, and its connection stays', async () => {
    let identified = 0;
    const identify: Guard = (passage) => {
      identified++;
      passage.caller = ANYBODY;
      return undefined;
    };
    const shop = await gateway({ identify });
    const socket = await socketTo(shop.url);
    const others = await fill(shop);
    socket.write('POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n');
    await eventually(async () => socket.text().endsWith('}'));
    expect(socket.text()).toMatch(/^HTTP\/1.1 503 /);
    expect(socket.text()).toMatch(/\r\nRetry-After: [1-9]\d*\r\n/);
    expect(socket.text()).toContain('application/problem+json');
    expect(socket.text()).toMatch(/"code":"SERVICE_UNAVAILABLE".*"traceId":"[0-9a-f]{32}"/);
    expect([identified, shop.order.requests.length]).toEqual([1, 1]);

    socket.write('{}GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(async () => socket.text().includes('HTTP/1.1 404'));
    shop.answer();
    const statuses = (await Promise.all(others)).map(({ status }) => status);
    expect(statuses[0]).toBe(202);
    expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
    await eventually(async () =>
      /gateway_refused_total\{[^}]*class="begin",reason="full"\} 1/.test(await shop.metrics.render()),
    );
  });

  it('when no place comes free in time, then waiting requests are refused, and nothing of them reached the service', async () => {
    const shop = await gateway();
    const [first, ...waiting] = await fill(shop);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(10).fill(503));
    expect(shop.order.requests).toHaveLength(1);
    shop.answer();
    expect((await first)?.status).toBe(202);
  });

  it('when new orders are refused, then orders can still be read and cancelled', async () => {
    const shop = await gateway();
    const others = await fill(shop);
    const look = fetch(`${shop.url}/orders/1`);
    await shop.reached(2);
    expect(shop.order.requests[1]?.request.url).toBe('/orders/1');
    shop.answer();
    shop.answer(200);
    expect((await look).status).toBe(200);
    await Promise.all(others);
  });

  it('when a client leaves while it waits, then its request never reaches the service', async () => {
    const shop = await gateway();
    const first = place(shop.url);
    await shop.reached(1);
    const abort = new AbortController();
    const gone = place(shop.url, { signal: abort.signal }).catch(() => 'gone');
    await eventually(async () => shop.state(PLACE_ORDER).queued === 1);
    abort.abort();
    expect(await gone).toBe('gone');
    await eventually(async () => shop.state(PLACE_ORDER).queued === 0);
    shop.answer();
    expect((await first).status).toBe(202);
    await eventually(async () => shop.state(PLACE_ORDER).inFlight === 0);
    expect(shop.order.requests).toHaveLength(1);
  });

  it('when a client leaves during its request, or the gateway refuses it later, then its place is free', async () => {
    const shop = await gateway();
    const abort = new AbortController();
    const gone = place(shop.url, { signal: abort.signal }).catch(() => 'gone');
    await shop.reached(1);
    expect(shop.state(PLACE_ORDER).inFlight).toBe(1);
    abort.abort();
    expect(await gone).toBe('gone');
    await eventually(async () => shop.state(PLACE_ORDER).inFlight === 0);
    expect((await place(shop.url, { body: 'x'.repeat(70_000) })).status).toBe(413);
    await eventually(async () => shop.state(PLACE_ORDER).inFlight === 0);
  });

  it('when many are refused, then they are not told to return all at once', async () => {
    const shop = await gateway();
    const first = place(shop.url);
    await shop.reached(1);
    const refused = await Promise.all(Array.from({ length: 100 }, () => place(shop.url)));
    const seconds = new Set(refused.map(({ headers }) => headers.get('retry-after')));
    expect(seconds.size).toBeGreaterThan(2);
    shop.answer();
    await first;
  });
});

describe('requests that hold no place', () => {
  it('when requests wait for orders, then they leave their places to others', async () => {
    const shop = await gateway();
    const waits = place(shop.url, { headers: { prefer: 'wait=2' } });
    await shop.reached(1);
    await eventually(async () => shop.state(PLACE_ORDER).inFlight === 0);
    const other = place(shop.url);
    await shop.reached(2);
    shop.answer(201);
    shop.answer(202);
    expect([(await waits).status, (await other).status]).toEqual([201, 202]);
  });

  it('when orders are followed, then their streams take no places', async () => {
    const shop = await gateway();
    const streams = Array.from({ length: 5 }, () => fetch(`${shop.url}/orders/1/events`));
    await shop.reached(5);
    expect(shop.state(SEE_ORDER)).toEqual({ inFlight: 0, queued: 0 });
    for (const stream of streams) {
      shop.answer(200);
      expect((await stream).status).toBe(200);
    }
  });

  it('when a body is slow to arrive, then its place goes to others, and the request still gets through', async () => {
    const shop = await gateway();
    const slow = await socketTo(shop.url);
    slow.write('POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{');
    await eventually(async () => shop.state(PLACE_ORDER).inFlight === 1);
    await eventually(async () => shop.state(PLACE_ORDER).inFlight === 0);
    slow.write('}');
    await shop.reached(1);
    expect(shop.state(PLACE_ORDER).inFlight).toBe(1);
    shop.answer();
    await eventually(async () => slow.text().startsWith('HTTP/1.1 202'));
    expect(shop.state(PLACE_ORDER).inFlight).toBe(0);
  });
});

describe('admission while the event loop is late', () => {
  /** The event loop is late by `share` of the threshold. */
  const late = (share: number): Shedder => ({ refuses: (from = 1) => from < share, delayMs: 0, stop: () => undefined });

  it.each([
    [0.1, { look: 200, order: 202, status: 200 }],
    [0.3, { look: 503, order: 202, status: 200 }],
    [0.9, { look: 503, order: 503, status: 200 }],
    [1.1, { look: 503, order: 503, status: 503 }],
  ])('when the event loop is late by %f of the threshold, then %j', async (share, expected) => {
    const catalog = await fakeService((_request, response) => response.writeHead(200).end('{}'));
    open.push(catalog);
    const shop = await gateway({ shedder: late(share), catalogUrls: [catalog.url] });
    const look = await fetch(`${shop.url}/products`);
    const answers = [place(shop.url), fetch(`${shop.url}/orders/1`)];
    await shop.reached([expected.order, expected.status].filter((status) => status !== 503).length);
    if (expected.order === 202) shop.answer(202, 'POST');
    if (expected.status === 200) shop.answer(200, 'GET');
    const [order, status] = await Promise.all(answers);
    expect({ look: look.status, order: order?.status, status: status?.status }).toEqual(expected);
    for (const path of ['/health/live', '/health/ready']) expect((await fetch(shop.url + path)).status).toBe(200);
  });
});

it('when a read that is the same for all clients is refused, then its last good answer is given', async () => {
  const catalog = await fakeService((_request, response) =>
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"items":[]}'),
  );
  open.push(catalog);
  let late = false;
  const shedder: Shedder = { refuses: () => late, delayMs: 0, stop: () => undefined };
  const { url } = await gateway({ catalogUrls: [catalog.url], shedder });
  expect((await fetch(`${url}/products`)).status).toBe(200);
  late = true;
  const answer = await fetch(`${url}/products`);
  expect([answer.status, answer.headers.get('warning')]).toEqual([200, '110 - "Response is Stale"']);
  expect((await fetch(`${url}/products?limit=5`)).status).toBe(503);
  expect(catalog.requests).toHaveLength(1);
});

describe('the time left of a request', () => {
  it('when a request is forwarded, then the service learns how long it is waited for, and a client cannot state it', async () => {
    const { url, order, answer, reached } = await gateway({ timeoutMs: 20_000 });
    const left = async (request: Promise<Response>, count: number) => {
      await reached(count);
      answer(200);
      await request;
      return Number(order.requests[count - 1]?.request.headers['x-shop-time-left']);
    };
    const headers = { 'x-shop-time-left': '999999' };
    const short = await left(fetch(`${url}/orders/1`, { headers }), 1);
    expect(short).toBeLessThanOrEqual(20_000);
    expect(short).toBeGreaterThan(10_000);
    const stream = await left(fetch(`${url}/orders/1/events`, { headers }), 2);
    expect(stream).toBeNaN();
  });
});
