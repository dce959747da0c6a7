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
import { PROBLEMS } from '../problems.ts';
import { pointRoutes } from './routes.ts';

const app = createHttpApp({
  logger: createLogger({ service: 'payment', level: 'silent' }),
  metrics: createMetrics({ defaults: false }),
  health: createHealth(),
  callers: () => ANYBODY,
  problems: PROBLEMS,
  routes: pointRoutes({
    reads: { historyOf: async () => [] },
    balances: { submit: async () => 5 },
    charges: { submit: () => Promise.reject(new Error('nobody charges')) },
  }),
});

let server: RunningServer;
beforeAll(async () => {
  server = await serve(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());

it.each(['/points?userId=1', '/points/history?userId=1&limit=2'])(
  'when the query is known, then %s is answered',
  (path) =>
    request(server.url)
      .get(path)
      .expect(200)
      .then(() => undefined),
);

it.each(['/points?userId=1&x=1', '/points?userId=1&limit=2', '/points/history?userId=1&x=1'])(
  'when the query has more than is known, then %s is refused',
  async (path) => {
    const answer = await request(server.url).get(path).expect(400);
    expect(answer.body.code).toBe('VALIDATION_FAILED');
  },
);
