import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { eventually } from '@shop/chassis/testing';
import { fakeService, startGateway } from '../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

it.each([
  ['with its connection', (answer: ServerResponse) => answer.destroy()],
  ['by a time-out', () => undefined],
])("when an answer breaks off %s behind another one, then the client's connection breaks", async (_how, breakOff) => {
  const streams: ServerResponse[] = [];
  const halves: ServerResponse[] = [];
  const order = await fakeService(({ url }, response) => {
    if (url?.endsWith('/events')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      streams.push(response);
    } else {
      response.writeHead(200, { 'Content-Length': 100 }).write('ten bytes.');
      halves.push(response);
    }
  });
  cleanups.push(order.close);
  const gateway = await startGateway([order.url], { timeoutMs: 500, streamSilenceMs: 60_000 });
  cleanups.push(gateway.close);
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1').on('error', () => undefined);
  cleanups.push(() => socket.destroy());
  const closed = once(socket, 'close').then(() => 'closed');
  socket.resume();
  for (const path of ['/orders/1/events', '/orders/2']) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await eventually(() => streams.length === 1 && halves.length === 1);
  // The gateway has passed on the first bytes.
  await sleep(100);
  for (const half of halves) breakOff(half);
  await eventually(() => gateway.upstreams.order.inFlight === 0);
  for (const stream of streams) stream.end();
  expect(await Promise.race([closed, sleep(1_500).then(() => 'open')])).toBe('closed');
});
