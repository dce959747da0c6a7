import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Router } from 'express';
import request from 'supertest';
import { z } from 'zod';
import {
  CALLER_HEADER,
  type Called,
  createCallerSigner,
  createCallerVerifier,
  parseInternalKeys,
} from '../callers/index.ts';
import { DatabaseUnavailableError, DomainError } from '../errors/index.ts';
import {
  createHealth,
  createLogger,
  createMetrics,
  currentTraceparent,
  type Span,
  sendSpansTo,
} from '../process/index.ts';
import { createHttpApp } from './http-app.ts';
import { type RunningServer, serve } from './server.ts';
import { timeLeft } from './time-left.ts';
import { parse } from './validate.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const lines: string[] = [];
const metrics = createMetrics({ defaults: false });
const health = createHealth();
const app = createHttpApp({
  logger: createLogger({ service: 'test', destination: { write: (line) => void lines.push(line) } }),
  metrics,
  health,
  callers: 'public',
  problems: { OUT_OF_STOCK: { status: 409, title: 'Out of stock' } },
  routes(router) {
    router.get('/orders/:id', (req, res) => void res.json({ id: req.params.id, trace: currentTraceparent() }));
    router.post('/orders', (req, res) => {
      const body = parse(z.strictObject({ quantity: z.number().int() }), req.body);
      res.status(202).json({ ...body, trace: currentTraceparent() });
    });
    router.post('/orders/:id/cancel', (req, res) => void res.json({ body: req.body ?? null }));
    router.get('/refused', () => {
      throw new DomainError<'OUT_OF_STOCK'>('OUT_OF_STOCK', 'None left.', { productId: 3 });
    });
    router.get('/refused-unknown', () => {
      throw new DomainError<string>('NOT_IN_ANY_TABLE', 'hunter2');
    });
    router.get('/overload', () => {
      throw new DomainError('SERVICE_UNAVAILABLE', 'Too many.');
    });
    router.get('/broken', async () => {
      await Promise.reject(new Error('password=hunter2'));
    });
    router.get('/away', async () => {
      await Promise.reject(new DatabaseUnavailableError('away'));
    });
  },
});

let server: RunningServer;
beforeAll(async () => {
  server = await serve(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());

const post = (path: string) => request(server.url).post(path);
const get = (path: string) => request(server.url).get(path);

describe('http application', () => {
  it('when a request has a trace, then its handler and its answer are in that trace', async () => {
    const answer = await post('/orders').set('traceparent', TRACEPARENT).send({ quantity: 1 }).expect(202);
    expect(answer.body.quantity).toBe(1);
    // What the public may ask is the edge: the client's trace ends here.
    expect(answer.body.trace).toMatch(/^00-(?!4bf92f35)[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(answer.headers.traceparent).toBe(answer.body.trace);
    expect(answer.headers).not.toHaveProperty('x-powered-by');
    expect(answer.headers).not.toHaveProperty('etag');
  });

  it.each([
    ['malformed JSON', '{"quantity":', 'application/json', 400, 'VALIDATION_FAILED'],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400, 'VALIDATION_FAILED'],
    ['an unknown field', '{"quantity":1,"x":1}', 'application/json', 400, 'VALIDATION_FAILED'],
    ['__proto__', '{"quantity":1,"__proto__":{"a":1}}', 'application/json', 400, 'VALIDATION_FAILED'],
    ['null', 'null', 'application/json', 400, 'VALIDATION_FAILED'],
    ['another type', 'quantity=1', 'application/x-www-form-urlencoded', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['another charset', '{}', 'application/json; charset=utf-16', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['65 KiB', JSON.stringify({ a: 'x'.repeat(65 * 1024) }), 'application/json', 413, 'PAYLOAD_TOO_LARGE'],
    ['1 MB', JSON.stringify({ a: 'x'.repeat(1_000_000) }), 'application/json', 413, 'PAYLOAD_TOO_LARGE'],
  ])('when the body is %s, then the answer is the documented problem', async (_name, body, type, status, code) => {
    const answer = await post('/orders')
      .set('content-type', type)
      .serialize((value) => value as string)
      .send(body as string);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code, status, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  it('when a POST has no body, then a route that needs none accepts it', async () => {
    await post('/orders/1/cancel').expect(200, { body: null });
  });

  it('when the path is unknown, then 404; when only the method is unknown, then 405 with Allow', async () => {
    await get('/nowhere').expect(404);
    const answer = await post('/orders/1').expect(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
    await get('/orders/%zz').expect(400);
  });

  it('when a handler refuses, then the problem has its members and nothing is logged', async () => {
    const before = lines.length;
    const answer = await get('/refused').expect(409);
    expect(answer.body).toMatchObject({ code: 'OUT_OF_STOCK', detail: 'None left.', productId: 3 });
    expect(lines.length).toBe(before);
  });

  it('when a handler refuses under overload, then 503 with Retry-After and nothing is logged', async () => {
    const before = lines.length;
    const answer = await get('/overload').expect(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(lines).toHaveLength(before);
  });

  it('when a handler breaks, then 500 without internals, logged once with its stack', async () => {
    const before = lines.length;
    const answer = await get('/broken').expect(500);
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    const logged = lines.slice(before).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatchObject({ level: 'error', route: '/broken', traceId: answer.body.traceId });
    expect(JSON.stringify(logged[0]?.err)).toContain('hunter2');
  });

  it('when a handler refuses with a code of no table, then it is a fault like any other', async () => {
    lines.length = 0;
    const answer = await get('/refused-unknown').expect(500);
    expect(answer.body).toMatchObject({ code: 'INTERNAL_ERROR', status: 500 });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect(lines).toEqual([expect.stringContaining('NOT_IN_ANY_TABLE')]);
  });

  it('when the database is away, then 503 with Retry-After, and one warning without a stack', async () => {
    lines.length = 0;
    const answer = await get('/away').expect(503).expect('Retry-After', '1');
    expect(answer.body).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', traceId: answer.body.traceId });
    expect(lines[0]).not.toContain('    at ');
  });

  it('when requests were served, then they are counted by route template, never by path', async () => {
    await get('/orders/42').expect(200);
    const text = await metrics.render();
    expect(text).toMatch(/http_request_duration_seconds_count\{[^}]*route="\/orders\/:id"[^}]*\} \d/);
    expect(text).toMatch(/route="unmatched",status="404"/);
    expect(text).not.toContain('/orders/42');
  });

  it('when a check fails, then ready is 503 and live stays 200', async () => {
    await get('/health/ready').expect(200, { status: 'ok' });
    health.addCheck('database', () => Promise.reject(new Error('away')));
    await get('/health/ready').expect(503, { status: 'failing', failing: { database: 'away' } });
    await get('/health/live').expect(200);
  });

  it('when the port is taken, then listening rejects with one sentence', async () => {
    await expect(serve(app, { host: '127.0.0.1', port: server.port })).rejects.toThrow(
      `port ${server.port} on 127.0.0.1 is in use`,
    );
  });

  it('when several sockets listen on the port, then each connection is answered, the port is taken, and all of them close', async () => {
    const other = await serve(app, { host: '127.0.0.1', port: 0, sockets: 4, maxConnections: 400 });
    const connections = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const socket = connect(other.port, '127.0.0.1');
        socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
        const [head] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
        expect(head).toMatch(/^HTTP\/1.1 200 /);
        return socket;
      }),
    );
    await expect(serve(app, { host: '127.0.0.1', port: other.port })).rejects.toThrow('is in use');
    await expect(serve(app, { host: '127.0.0.1', port: other.port, sockets: 4 })).rejects.toThrow('is in use');
    const ended = connections.map((socket) => once(socket, 'close'));
    await other.close();
    await Promise.all(ended);
    await expect(fetch(`${other.url}/health/live`)).rejects.toThrow();
  });

  it('when the server closes with an idle keep-alive connection, then it does not wait for it', async () => {
    const other = await serve(app, { host: '127.0.0.1', port: 0 });
    await fetch(`${other.url}/health/live`).then((answer) => answer.text());
    const start = performance.now();
    await other.close();
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('an application that only signed calls reach', () => {
  const keys = parseInternalKeys(`test:${'k'.repeat(32)}`);
  const sign = createCallerSigner(keys);
  let calls = 0;
  const closed = createHttpApp({
    logger: createLogger({ service: 'test', level: 'silent' }),
    metrics: createMetrics({ defaults: false }),
    health: createHealth(),
    callers: createCallerVerifier(keys),
    problems: {},
    routes(router) {
      router.all('/whoami', (req, res) => {
        calls++;
        res.json((req as Called).caller);
      });
    },
  });

  it('when a call is signed, then its handler knows the caller', async () => {
    const caller = { user: 7, scopes: ['ops'] as const };
    await request(closed)
      .get('/whoami?a=1')
      .set('x-shop-caller', sign(caller, 'GET', '/whoami?a=1'))
      .expect(200, caller);
  });

  it.each([
    ['without a signature', undefined],
    ['with that of another path', sign({ user: 7, scopes: [] }, 'POST', '/other')],
    ['with that of another method', sign({ user: 7, scopes: [] }, 'GET', '/whoami')],
  ])('when a call is %s, then 401 before its body is read', async (_how, header) => {
    const before = calls;
    const answer = await request(closed)
      .post('/whoami')
      .set(header ? { 'x-shop-caller': header } : {})
      .set('content-type', 'application/json')
      .send('{"malformed":');
    expect([answer.status, answer.body.code, calls]).toEqual([401, 'UNAUTHENTICATED', before]);
    expect(answer.headers['www-authenticate']).toBe('Shop-Caller');
  });

  it('when a path is unknown or malformed, then an unsigned call does not learn that', async () => {
    for (const path of ['/nowhere', '/%zz', '/health', '/health/other', '/health/x', '/health/../whoami'])
      expect([path, (await request(closed).get(path)).status]).toEqual([path, 401]);
  });

  it('when health is asked for, then no signature is needed', async () => {
    for (const path of ['/health/live', '/health/ready'])
      expect([path, (await request(closed).get(path)).status]).toEqual([path, 200]);
  });
});

describe('spans of requests', () => {
  it('when traces are recorded at the edge, then health checks are not, and no path that is not ours', async () => {
    const spans: Span[] = [];
    sendSpansTo({ believesClients: false, samples: () => true, add: (span) => void spans.push(span) });
    try {
      await get('/health/live').expect(200);
      await get('/health/ready');
      await get('/users/4711').expect(404);
      await get(`/orders/${'7'.repeat(300)}?token=secret`).expect(200);
    } finally {
      sendSpansTo(undefined);
    }
    expect(spans.map(({ name, attributes }) => [name, attributes?.['url.path']])).toEqual([
      ['GET unmatched', undefined],
      ['GET /orders/:id', `/orders/${'7'.repeat(192)}`],
    ]);
  });
});

describe('the time that a caller has left', () => {
  it('when a verified caller states its time left, then handlers know it; a stranger is not believed', async () => {
    const keys = parseInternalKeys(`main:${'k'.repeat(32)}`);
    const routes = (router: Router) => void router.get('/left', (req, res) => void res.json({ left: timeLeft(req) }));
    const logger = createLogger({ service: 'test', level: 'silent' });
    const known = createHttpApp({ logger, metrics, health, callers: createCallerVerifier(keys), problems: {}, routes });
    const open = createHttpApp({ logger, metrics, health, callers: 'public', problems: {}, routes });
    const caller = createCallerSigner(keys)({ user: 1, scopes: [] }, 'GET', '/left');
    const ask = (of: typeof known) =>
      request(of)
        .get('/left')
        .set({ 'x-shop-time-left': '5000', [CALLER_HEADER]: caller });
    const { body } = await ask(known).expect(200);
    expect(body.left).toBeGreaterThan(3_000);
    expect(body.left).toBeLessThanOrEqual(5_000);
    // JSON has no Infinity: null.
    expect((await ask(open).expect(200)).body).toEqual({ left: null });
  });
});
