import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  ANYBODY,
  createHealth,
  createHttpApp,
  createLogger,
  createMetrics,
  type RunningServer,
  renderJson,
  serve,
} from '@shop/chassis';
import request from 'supertest';
import { PROBLEMS } from '../problems.ts';
import { productRoutes } from './routes.ts';

const noChange = () => Promise.reject(new Error('nobody changes'));
const app = createHttpApp({
  logger: createLogger({ service: 'catalog', level: 'silent' }),
  metrics: createMetrics({ defaults: false }),
  health: createHealth(),
  callers: () => ANYBODY,
  problems: PROBLEMS,
  routes: productRoutes({
    shown: { list: () => renderJson({ items: [], nextCursor: null }), find: () => undefined },
    changes: { create: noChange, update: noChange },
  }),
});

let server: RunningServer;
beforeAll(async () => {
  server = await serve(app, { host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());

it('when the query of the products has unknown parameters, then it is refused', async () => {
  await request(server.url).get('/products?limit=2').expect(200);
  const answer = await request(server.url).get('/products?limit=2&x=1').expect(400);
  expect(answer.body.code).toBe('VALIDATION_FAILED');
});
