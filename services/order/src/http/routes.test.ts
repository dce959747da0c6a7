import { once } from 'node:events';
import type { RequestListener, ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import {
  ANYBODY,
  type ClaimOutcome,
  createEventStreams,
  createHealth,
  createHttpApp,
  createLogger,
  createMetrics,
  DomainError,
  type RunningServer,
  serve,
} from '@shop/chassis';
import request from 'supertest';
import { PROBLEMS } from '../problems.ts';
import type { OrderView } from '../usecases/order-view.ts';
import { createFindPlaced } from '../usecases/place-order.ts';
import { orderRoutes } from './routes.ts';

const ORDER_ID = '0199c0de-0000-7000-8000-000000000001';
const order = { orderId: ORDER_ID, userId: 7, status: 'COMPLETED' } as OrderView;
let refuses: boolean;
let found: ClaimOutcome;
let looks: number;
let placed: number;
let shown: OrderView;
let waiting: number;
let waits: number;
/** Called by the first read or write of a request, which goes on when this resolves. */
let first: () => Promise<void>;
let response: ServerResponse;

const nobodyWaits = { ended: async () => order, cancel() {} };
const app = createHttpApp({
  logger: createLogger({ service: 'order', level: 'silent' }),
  metrics: createMetrics({ defaults: false }),
  health: createHealth(),
  callers: () => ANYBODY,
  problems: PROBLEMS,
  routes: orderRoutes({
    async placeOrder() {
      placed++;
      return { orderId: ORDER_ID, replayed: true };
    },
    findPlaced: createFindPlaced(async () => {
      looks++;
      await first();
      return found;
    }),
    async cancelOrder() {
      await first();
      return 'cancelled';
    },
    async readOrder() {
      await first();
      return shown;
    },
    listOrders: async () => [],
    streams: createEventStreams({ maxStreams: 1 }),
    watches: { open: () => Promise.reject(new Error('nobody follows')) as never },
    waits: {
      open() {
        waits++;
        return nobodyWaits;
      },
      wake() {},
      get waiting() {
        return waiting;
      },
      close() {},
    },
    maxWaiting: 10,
    admission: {
      check() {
        if (refuses) throw new DomainError('SERVICE_UNAVAILABLE', 'Not now.');
      },
      checkReady() {},
    },
    newId: () => ORDER_ID,
  }),
});

let server: RunningServer;
beforeAll(async () => {
  const noted: RequestListener = (incoming, answer) => {
    response = answer;
    app(incoming, answer);
  };
  server = await serve(noted, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());
beforeEach(() => {
  refuses = true;
  found = { kind: 'new' };
  looks = 0;
  placed = 0;
  shown = order;
  waiting = 0;
  waits = 0;
  first = async () => {};
});

function post(headers: Record<string, string>) {
  const body = { userId: 7, items: [{ productId: 1, quantity: 1 }] };
  return request(server.url).post('/orders').set(headers).send(body);
}

it('when orders are refused under load, then a repeat still gets its order', async () => {
  found = { kind: 'replay', requestId: ORDER_ID };
  const answer = await post({ 'idempotency-key': 'k' }).expect(202);
  expect(answer.body).toMatchObject({ orderId: ORDER_ID, status: 'COMPLETED' });
  expect(answer.headers).toMatchObject({ 'idempotency-replayed': 'true', location: `/orders/${ORDER_ID}` });
  await post({ 'idempotency-key': 'k', prefer: 'wait=5' }).expect(201);
  expect(placed).toBe(0);
});

it('when orders are refused under load, then a new one is refused, and a key with another body is told so', async () => {
  await post({ 'idempotency-key': 'k' }).expect(503);
  await post({}).expect(503);
  found = { kind: 'mismatch' };
  const answer = await post({ 'idempotency-key': 'k' }).expect(422);
  expect(answer.body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  expect(looks).toBe(2);
});

it('when orders are accepted, then no key is looked up beforehand', async () => {
  refuses = false;
  await post({ 'idempotency-key': 'k' }).expect(202);
  expect([looks, placed]).toEqual([0, 1]);
});

it.each([
  ['asks for an order', 'GET', `/orders/${ORDER_ID}?userId=7`, undefined],
  ['cancels an order', 'POST', `/orders/${ORDER_ID}/cancel`, { userId: 7 }],
  ['repeats an order under load', 'POST', '/orders', { userId: 7, items: [{ productId: 1, quantity: 1 }] }],
])('when a client that %s leaves before its wait begins, then no wait begins', async (_, method, path, body) => {
  found = { kind: 'replay', requestId: ORDER_ID };
  shown = { ...order, status: 'PENDING' };
  const begun = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  first = () => {
    begun.resolve();
    return held.promise;
  };
  const client = new AbortController();
  const headers = { prefer: 'wait=30', 'idempotency-key': 'k', 'content-type': 'application/json' };
  const sent = { method, headers, signal: client.signal, ...(body && { body: JSON.stringify(body) }) };
  const left = expect(fetch(`${server.url}${path}`, sent)).rejects.toThrow('aborted');
  await begun.promise;
  const closed = once(response, 'close');
  client.abort();
  await Promise.all([left, closed]);
  held.resolve();
  await setImmediate();
  expect(waits).toBe(0);
});

it('when all places are taken while a key is looked up, then the repeat is answered without a wait', async () => {
  found = { kind: 'replay', requestId: ORDER_ID };
  first = async () => {
    waiting = 10;
  };
  await post({ 'idempotency-key': 'k', prefer: 'wait=5' }).expect(202);
  expect(waits).toBe(0);
});
