import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  ANYBODY,
  createHealth,
  createHttpApp,
  createLogger,
  createMetrics,
  type RunningServer,
  serve,
} from '@shop/chassis';
import request from 'supertest';
import { rankingRoutes } from './routes.ts';

const asked: unknown[] = [];
const app = createHttpApp({
  logger: createLogger({ service: 'ranking', level: 'silent' }),
  metrics: createMetrics({ defaults: false }),
  health: createHealth(),
  callers: () => ANYBODY,
  problems: {},
  routes: rankingRoutes({
    popular: async (days) => {
      asked.push(days);
      const items = [1, 2, 3, 4, 5, 6].map((rank) => ({ rank, productId: rank, name: 'x', price: 1, quantitySold: 1 }));
      return { at: performance.now() - 2_100, items };
    },
    repair: async (options) => ({ days: 7, differences: [{ id: 'x', detail: JSON.stringify(options) }], repaired: 0 }),
  }),
});

let server: RunningServer;
beforeAll(async () => {
  server = await serve(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());

it.each([
  ['', 3, 5],
  ['?days=1&limit=1', 1, 1],
  ['?days=7&limit=100', 7, 6],
])('when popular%s is asked for, then the list is answered with its age', async (query, days, items) => {
  const answer = await request(server.url).get(`/products/popular${query}`).expect(200);
  expect(answer.body.items).toHaveLength(items);
  expect(answer.headers).toMatchObject({ age: '2', 'cache-control': 'public, max-age=1' });
  expect(answer.headers['content-type']).toMatch('application/json');
  expect(asked.pop()).toBe(days);
});

it.each([
  'days=0',
  'days=8',
  'days=x',
  'days=',
  'days=1&days=2',
  'limit=0',
  'limit=101',
  'limit=1.5',
  'x=1',
  'userId=1',
])('when popular?%s is asked for, then it is refused', async (query) => {
  const answer = await request(server.url).get(`/products/popular?${query}`).expect(400);
  expect(answer.body.code).toBe('VALIDATION_FAILED');
});

it('when a reconciliation is requested, then it is planned or executed as asked', async () => {
  for (const [query, execute] of [
    ['', false],
    ['?execute=false', false],
    ['?execute=true', true],
  ]) {
    const answer = await request(server.url).post(`/internal/reconcile${query}`).expect(200);
    expect(answer.body).toEqual({ days: 7, differences: [{ id: 'x', detail: `{"execute":${execute}}` }], repaired: 0 });
  }
  await request(server.url).post('/internal/reconcile?execute=yes').expect(400);
});
