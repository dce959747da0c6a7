import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { eventually } from '@shop/chassis/testing';
import { breakUnread } from '../protect/unread.ts';
import { ROUTES } from '../routes.generated.ts';
import type { Route } from '../routes.ts';
import { fakeService, startGateway } from '../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const LARGE = Buffer.alloc(30_000_000, 'x');

/** A gateway in front of a service with quiet streams, small answers to /products, and large ones to the rest. */
async function start(options: Parameters<typeof startGateway>[1] = {}) {
  const service = await fakeService(({ url }, response) => {
    if (url?.endsWith('/events')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      return;
    }
    const body = url?.startsWith('/products') ? Buffer.from('{}') : LARGE;
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length }).end(body);
  });
  cleanups.push(service.close);
  const gateway = await startGateway([service.url], { catalogUrls: [service.url], ...options });
  cleanups.push(gateway.close);
  return { service, gateway };
}

/** A connection that has sent requests for these, and reads nothing. */
function silentClient(url: string, ...requests: string[]) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
  socket.pause();
  socket.write(requests.map((line) => `${line} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''));
  cleanups.push(() => socket.destroy());
  return socket;
}

it('when a client reads none of its many answers, then they hold no places at the service', async () => {
  const { gateway, service } = await start({ maxInFlight: 20 });
  const own = Array<string>(8).fill('GET /docs/swagger-ui-bundle.js');
  silentClient(gateway.url, ...own, ...Array<string>(40).fill('HEAD /products/1'));
  await eventually(() => service.requests.length >= 20);
  await eventually(() => gateway.upstreams.catalog.inFlight === 0);
  expect((await fetch(`${gateway.url}/products/2`)).status).toBe(200);
});

const READ_PRODUCT = ROUTES.find(({ path }) => path === '/products/:id') as Route;

it.each([
  ['answers', {}],
  ['is away', { catalogUrls: ['http://127.0.0.1:1'] }],
])(
  'when the service %s to a client that asks for the same read many times and reads nothing, then no place is held',
  async (_how, options) => {
    const { gateway, service } = await start({ copiesMs: 250, ...options });
    const own = Array<string>(8).fill('GET /docs/swagger-ui-bundle.js');
    silentClient(gateway.url, ...own, ...Array<string>(40).fill('GET /products/1'), 'GET /orders/1');
    // The last request of the connection has arrived, so all have.
    await eventually(() => service.requests.some(({ request }) => request.url === '/orders/1'));
    await eventually(() => gateway.admission.stateOf(READ_PRODUCT).inFlight === 0);
  },
);

it('when a large answer queues behind a quiet stream and is not taken, then its place at the service is free soon', async () => {
  const { gateway } = await start({ unreadMs: 200 });
  silentClient(gateway.url, 'GET /orders/1/events', 'GET /orders/1');
  await eventually(() => gateway.upstreams.order.inFlight === 1);
  await eventually(() => gateway.upstreams.order.inFlight === 0, { timeoutMs: 2_000 });
});

it('when a client stops reading, then its connection is broken, and its place at the service is free', async () => {
  const { gateway } = await start({ unreadMs: 200 });
  silentClient(gateway.url, 'GET /orders/1');
  await eventually(() => gateway.upstreams.order.inFlight === 1);
  await eventually(() => gateway.upstreams.order.inFlight === 0);
});

it('when a client reads slowly what was written at once, then it gets all of it', async () => {
  const server = createServer((_request, response) => response.end(LARGE));
  breakUnread(server, 1_500);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = silentClient(`http://127.0.0.1:${port}`, 'GET /');
  const startedAt = performance.now();
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if (bytes >= LARGE.length) break;
    await sleep(10);
  }
  expect(bytes).toBeGreaterThanOrEqual(LARGE.length);
  // Twice the bound: a check that saw no progress would have broken the connection.
  expect(performance.now() - startedAt).toBeGreaterThan(3_000);
});
