import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it, jest } from '@jest/globals';
import { DomainError } from '../errors/index.ts';
import { createEventStreams, type EventStream, type EventStreams } from './event-streams.ts';
import { type RunningServer, serve } from './server.ts';

let server: RunningServer;
let streams: EventStreams;
const sockets: Socket[] = [];
const responses: ServerResponse[] = [];
afterEach(async () => {
  jest.useRealTimers();
  for (const socket of sockets.splice(0)) socket.destroy();
  responses.length = 0;
  await server.close(0);
});

/** A server of streams, and the stream opened for each request. */
async function start(maxStreams = 10): Promise<{ opened(): Promise<EventStream> }> {
  streams = createEventStreams({ maxStreams });
  const waiting = [Promise.withResolvers<EventStream>()];
  server = await serve(
    (_request, response) => {
      try {
        const stream = streams.enter(response);
        responses.push(response);
        waiting.at(-1)?.resolve(stream);
        waiting.push(Promise.withResolvers());
      } catch (error) {
        response.writeHead(error instanceof DomainError ? 503 : 500).end();
      }
    },
    { host: '127.0.0.1', port: 0 },
  );
  let taken = 0;
  return { opened: async () => await (waiting[taken++] as PromiseWithResolvers<EventStream>).promise };
}

/** Requests a stream over a bare socket, so that a test can stop reading. */
function ask(): { socket: Socket; text(): string; heard(part: string): Promise<void>; closed: Promise<void> } {
  const socket = connect(server.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'));
  sockets.push(socket);
  let text = '';
  let told: () => void = () => undefined;
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    told();
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const heard = async (part: string) => {
    while (!text.includes(part)) await new Promise<void>((resolve) => (told = resolve));
  };
  return { socket, text: () => text, heard, closed };
}

const left = (count: number) => until(() => streams.open === count);
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

it('when a stream starts, then its head is sent at once with a retry time, and then each event', async () => {
  const { opened } = await start();
  const client = ask();
  const stream = await opened();
  expect(streams.open).toBe(1);
  stream.start();
  await client.heard('\n\n');
  expect(client.text()).toMatch(/^HTTP\/1.1 200 OK\r\n.*content-type: text\/event-stream\r\n/is);
  expect(client.text()).toMatch(/\nretry: (\d{3}|1\d{3})\n\n/);
  stream.send('data: 1\n\n');
  await client.heard('data: 1\n\n');
  stream.end();
  await client.heard('0\r\n\r\n');
  await left(0);
});

it('when clients leave, then their places are free, and no timer is left', async () => {
  const { opened } = await start(2);
  const timers = () => process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length;
  const idle = timers();
  const [first, second] = [ask(), ask()];
  for (const stream of [await opened(), await opened()]) stream.start();
  const third = ask();
  await third.heard('503');
  first.socket.destroy();
  await left(1);
  second.socket.destroy();
  await left(0);
  third.socket.destroy();
  await until(() => timers() <= idle);
  ask();
  (await opened()).start();
  expect(streams.open).toBe(1);
});

it('when nothing happens for 15 s, then the stream sends a heartbeat', async () => {
  const { opened } = await start();
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  const client = ask();
  (await opened()).start();
  await client.heard('retry:');
  jest.advanceTimersByTime(14_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(client.text()).not.toContain('\n:\n\n');
  jest.advanceTimersByTime(1_000);
  await client.heard('\n:\n\n');
});

it('when a client does not read, then only a limited amount is buffered before its connection is broken', async () => {
  const { opened } = await start();
  const client = ask();
  const stream = await opened();
  stream.start();
  await client.heard('retry:');
  client.socket.pause();
  const event = `data: ${'x'.repeat(10_000)}\n\n`;
  let sent = 0;
  // The kernel buffers some megabytes.
  while (streams.open > 0 && sent < 10_000) {
    stream.send(event);
    sent++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(sent).toBeLessThan(10_000);
  stream.send(event);
  stream.end();
});

it('when a client does not read the end of a stream, then its connection is closed after a while', async () => {
  const { opened } = await start();
  const client = ask();
  const stream = await opened();
  stream.start();
  await client.heard('retry:');
  client.socket.pause();
  const [response] = responses;
  while (response && response.writableLength === 0) {
    stream.send(`data: ${'x'.repeat(1_000)}\n\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
  stream.end();
  jest.advanceTimersByTime(9_000);
  expect(streams.open).toBe(1);
  jest.advanceTimersByTime(1_000);
  await left(0);
});

it('when the process stops, then every stream ends well, and no further one begins', async () => {
  const { opened } = await start();
  const client = ask();
  const late = ask();
  (await opened()).start();
  const stream = await opened();
  await client.heard('retry:');
  streams.close();
  await client.heard('0\r\n\r\n');
  expect(() => stream.start()).toThrow(DomainError);
  late.socket.destroy();
  await ask().heard('503');
  await left(0);
});

it('when the first text is longer than the buffer limit, then it is sent all the same', async () => {
  const { opened } = await start();
  const reader = ask();
  const stream = await opened();
  stream.start(`data: ${'a'.repeat(200_000)}\n\nid: end\n\n`);
  await reader.heard('id: end');
  stream.send('data: more\n\n');
  await reader.heard('data: more');
});
