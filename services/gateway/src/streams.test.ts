import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { fakeService, startGateway } from './testing.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/**
 * A gateway in front of an order service whose streams the test writes, and whose other answers come at once or never.
 */
async function start(options: Parameters<typeof startGateway>[1] & { readonly answers?: boolean } = {}) {
  const { answers = true, ...gatewayOptions } = options;
  const streams: ServerResponse[] = [];
  const order = await fakeService((request, response) => {
    if (request.url?.endsWith('/events')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      streams.push(response);
    } else if (answers) response.end('{}');
  });
  cleanups.push(() => order.close());
  const gateway = await startGateway([order.url], gatewayOptions);
  cleanups.push(() => gateway.close());
  return { gateway, streams, order };
}

async function follow(url: string, id = 1) {
  const abort = new AbortController();
  const answer = await fetch(`${url}/orders/${id}/events`, { signal: abort.signal });
  const reader = answer.body?.getReader();
  const next = async () => {
    const { done, value } = (await reader?.read()) ?? { done: true };
    return done ? 'the end' : Buffer.from(value ?? []).toString();
  };
  return { status: answer.status, headers: answer.headers, next, leave: () => abort.abort() };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

it('when a stream is silent for longer than a request may be, then it continues; for longer than heartbeats, it breaks', async () => {
  const { gateway, streams } = await start({ timeoutMs: 100, streamSilenceMs: 1_500 });
  const client = await follow(gateway.url);
  await sleep(400);
  streams[0]?.write('data: 1\n\n');
  expect(await client.next()).toBe('data: 1\n\n');
  await expect(client.next()).rejects.toThrow();
  await until(() => gateway.streams.open === 0);
});

it('when streams are open, then they take no places of requests, nor requests theirs', async () => {
  const { gateway, order } = await start({ maxInFlight: 1, maxStreams: 2, answers: false });
  await follow(gateway.url, 1);
  await follow(gateway.url, 2);
  const refused = await follow(gateway.url, 3);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2']);
  const request = fetch(`${gateway.url}/orders/4`).catch(() => undefined);
  await until(() => order.requests.some((it) => it.request.url === '/orders/4'));
  expect((await fetch(`${gateway.url}/orders/5`)).status).toBe(503);
  expect([gateway.streams.open, gateway.upstreams.order.inFlight]).toEqual([2, 1]);
  await gateway.close();
  await request;
});

it('when a client leaves, then its stream at the service ends too, and its place is free', async () => {
  const { gateway, streams } = await start({ maxStreams: 1 });
  const client = await follow(gateway.url);
  const [stream] = streams;
  const closed = stream && once(stream, 'close');
  client.leave();
  await closed;
  await until(() => gateway.streams.open === 0);
  expect((await follow(gateway.url)).status).toBe(200);
});

it('when the gateway stops, then each stream ends properly, its service is told, and no other begins', async () => {
  const { gateway, streams } = await start();
  const client = await follow(gateway.url);
  streams[0]?.write('data: 1\n\n');
  expect(await client.next()).toBe('data: 1\n\n');
  const closed = streams[0] && once(streams[0], 'close');
  gateway.streams.close();
  expect(await client.next()).toBe('the end');
  await closed;
  expect((await follow(gateway.url)).status).toBe(503);
});

it('when the service dies, then the connection to the client breaks, since the stream has not ended', async () => {
  const { gateway, streams } = await start();
  const client = await follow(gateway.url);
  streams[0]?.destroy();
  await expect(client.next()).rejects.toThrow();
});

it('when a client reads nothing, then the service must wait, and nothing is buffered here', async () => {
  const { gateway, streams } = await start();
  const { port } = new URL(gateway.url);
  const socket = connect(Number(port), '127.0.0.1', () =>
    socket.write('GET /orders/1/events HTTP/1.1\r\nHost: x\r\n\r\n'),
  );
  cleanups.push(async () => void socket.destroy());
  socket.pause();
  await until(() => streams.length === 1);
  const event = `data: ${'x'.repeat(50_000)}\n\n`;
  // The kernel buffers some megabytes on both ways; a gateway that read on would take all of this.
  for (let sent = 0; sent < 50_000_000 && (streams[0]?.writableLength ?? 0) < 5_000_000; sent += event.length) {
    streams[0]?.write(event);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(streams[0]?.writableLength).toBeGreaterThanOrEqual(5_000_000);
});
