import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';

// The gateway as a process in front of a service that answers on command.
const main = join(import.meta.dirname, '../src/main.ts');
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface GatewayProcess {
  /** All its output. */
  output(): string;
  /** The address it listens on, from its log. */
  listening(): Promise<string>;
  terminate(): void;
  readonly ended: Promise<number | null>;
}

function startGateway(env: Record<string, string>): GatewayProcess {
  const { PATH = '', HOME = '' } = process.env;
  const nowhere = 'http://127.0.0.1:1';
  const services = ['ORDER', 'CATALOG', 'PAYMENT', 'COUPON', 'RANKING'];
  const urls = Object.fromEntries(services.map((name) => [`${name}_URLS`, nowhere]));
  const common = { PATH, HOME, PORT: '0', INTERNAL_KEYS: `test:${'k'.repeat(32)}`, ...urls };
  const child = spawn(process.execPath, [main], { env: { ...common, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let heard: () => void = () => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      heard();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  cleanups.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
  return {
    output: () => output,
    async listening() {
      for (;;) {
        const url = /"url":"(http:[^"]+)"/.exec(output)?.[1];
        if (url) return url;
        await Promise.race([
          new Promise<void>((resolve) => (heard = resolve)),
          ended.then(() => Promise.reject(new Error(output))),
        ]);
      }
    },
    terminate: () => void child.kill('SIGTERM'),
    ended,
  };
}

async function slowService(): Promise<{ url: string; asked: Promise<ServerResponse> }> {
  const { promise: asked, resolve } = Promise.withResolvers<ServerResponse>();
  return { url: await serviceThat((_request, response) => resolve(response)), asked };
}

/** It tells its time as every service does, and leaves all other requests to `answers`. @returns its address */
async function serviceThat(answers: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server: Server = createServer((request, response) => {
    if (request.url === '/health/live') response.end('{"status":"ok"}');
    else answers(request, response);
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  cleanups.push(() => {
    server.closeAllConnections();
    return new Promise((closed) => void server.close(closed));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('when no issuer is set, then the gateway does not start and says what is missing', async () => {
  const gateway = startGateway({});
  expect(await gateway.ended).not.toBe(0);
  expect(gateway.output()).toContain('JWKS_URL must say where the keys of the tokens are');
});

it('when it gives tokens to anyone, then it logs a warning, and reveals no secrets', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  cleanups.push(() => rm(folder, { recursive: true }));
  const env = { DEMO_AUTH: 'true', DEMO_KEY_FILE: join(folder, 'key.pem') };
  const first = startGateway(env);
  const url = await first.listening();
  expect(first.output()).toMatch(/"level":"warn".*whoever can reach this port gets a token of any user/);
  expect(first.output()).not.toContain('kkkk');
  const keys = await (await fetch(`${url}/.well-known/jwks.json`)).json();
  first.terminate();
  await first.ended;
  const again = startGateway(env);
  expect(await (await fetch(`${await again.listening()}/.well-known/jwks.json`)).json()).toEqual(keys);
});

it('when it gives no tokens, then the path for tokens does not exist', async () => {
  const url = await startGateway({ GATEWAY_AUTH: 'off' }).listening();
  for (const path of ['/.well-known/jwks.json', '/auth/demo-token']) expect((await fetch(url + path)).status).toBe(404);
});

it('when it starts without authentication, then it logs a warning', async () => {
  const gateway = startGateway({ GATEWAY_AUTH: 'off' });
  await gateway.listening();
  expect(gateway.output()).toMatch(/"level":"warn".*whoever can reach this port may act for any user/);
});

it('when it is told to stop, then the current request gets its answer, and it ends with 0', async () => {
  const order = await slowService();
  const gateway = startGateway({ GATEWAY_AUTH: 'off', ORDER_URLS: order.url });
  const url = await gateway.listening();
  const answer = fetch(`${url}/orders/1`);
  const response = await order.asked;
  gateway.terminate();
  while (!gateway.output().includes('"stopping"')) await new Promise((resolve) => setTimeout(resolve, 10));
  response.end('{"late":true}');
  expect(await (await answer).json()).toEqual({ late: true });
  expect(await gateway.ended).toBe(0);
});

/** An order service: it answers a request that does not wait, and tells of one that does. */
async function orderService() {
  const waiting = Promise.withResolvers<void>();
  const asked: { method: string | undefined; key: unknown; body: string }[] = [];
  const url = await serviceThat(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ method: request.method, key: request.headers['idempotency-key'], body });
    if (request.headers.prefer) return waiting.resolve();
    const status = request.method === 'POST' ? 202 : 200;
    response.writeHead(status, { 'content-type': 'application/json', location: '/orders/1' }).end('{"orderId":"1"}');
  });
  return { url, waiting: waiting.promise, asked };
}

it.each([
  { method: 'POST', path: '/orders', status: 202, headers: {} },
  { method: 'POST', path: '/orders', status: 202, headers: { 'idempotency-key': 'of-the-client' } },
  { method: 'POST', path: '/orders/1/cancel', status: 202, headers: {} },
  { method: 'GET', path: '/orders/1', status: 200, headers: {} },
])(
  'when it is told to stop while a client waits on $method $path, then the client gets the present state at once',
  async (row) => {
    const order = await orderService();
    const gateway = startGateway({ GATEWAY_AUTH: 'off', ORDER_URLS: order.url });
    const { method, status, headers } = row;
    const body = method === 'POST' ? '{"items":[]}' : undefined;
    const answer = fetch((await gateway.listening()) + row.path, {
      method,
      headers: { ...headers, prefer: 'wait=30', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body }),
    });
    await order.waiting;
    gateway.terminate();
    const { status: got, headers: gotHeaders } = await answer;
    expect([got, gotHeaders.get('location')]).toEqual([status, '/orders/1']);
    expect(await gateway.ended).toBe(0);
    // The second request is the first, by its key: an order is not placed or cancelled twice.
    const [first, second] = order.asked;
    expect(order.asked).toHaveLength(2);
    expect(second).toEqual(first);
    if (method === 'POST') expect(first?.key).toMatch(/./);
  },
);

it('when it is told to stop while a stream is open, then the stream ends in order, and its client can return', async () => {
  const order = await slowService();
  const gateway = startGateway({ GATEWAY_AUTH: 'off', ORDER_URLS: order.url });
  const answer = fetch(`${await gateway.listening()}/orders/1/events`);
  const events = await order.asked;
  events.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: 1\ndata: {}\n\n');
  const reader = (await answer).body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain('id: 1');
  gateway.terminate();
  // A broken connection would reject.
  expect(await reader?.read()).toMatchObject({ done: true });
  expect(await gateway.ended).toBe(0);
});
