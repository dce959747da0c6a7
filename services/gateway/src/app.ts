import { createHttpApp, type Health, type Logger, type Metrics } from '@shop/service';
import express, { type Express } from 'express';
import { createForward } from './proxy/proxy.ts';
import { routeOf, type Upstreams } from './routes.ts';

export interface AppDeps {
  readonly upstreams: Upstreams;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}

/** What a person finds at `/`. */
const WELCOME = {
  name: 'shop',
  links: {
    products: '/products',
    popular: '/products/popular',
    points: '/points',
    orders: '/orders',
    couponPolicies: '/coupon-policies',
    health: '/health/ready',
    metrics: '/metrics',
  },
};

/** The gateway's HTTP application; it does not listen. Whatever is not for a service is its own, problems included. */
export function createApp({ upstreams, logger, metrics, health }: AppDeps): Express {
  const forward = createForward({ logger, metrics });
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // First of all: a request that is passed on meets nothing else, and its body is not parsed.
  app.use((request, response, next) => {
    const route = routeOf(request.url);
    if (route) forward(request, response, upstreams[route.service], route.label);
    else next();
  });
  app.use(
    createHttpApp({
      logger,
      metrics,
      health,
      routes: (router) => router.get('/', (_request, response) => void response.json(WELCOME)),
    }),
  );
  return app;
}
