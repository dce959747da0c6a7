import type { RequestListener } from 'node:http';
import { createHttpApp, type Health, type Logger, type Metrics, type SignCaller } from '@shop/service';
import { asAnybody } from './guards/authenticate.ts';
import { docsRoutes } from './pages/docs.ts';
import { createPipeline } from './pipeline.ts';
import { createForward } from './proxy/proxy.ts';
import type { Streams } from './proxy/streams.ts';
import { ROUTES, type Upstreams } from './routes.ts';

export interface AppDeps {
  readonly upstreams: Upstreams;
  readonly streams: Streams;
  readonly signCaller: SignCaller;
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
    openapi: '/openapi.json',
    docs: '/docs',
    events: '/docs/events',
  },
};

/**
 * The gateway's HTTP application; it does not listen. A request that is passed on meets no Express, and its body is not
 * parsed; whatever is not under a route is the gateway's own, problems included.
 */
export function createApp({ upstreams, streams, signCaller, logger, metrics, health }: AppDeps): RequestListener {
  const own = createHttpApp({
    logger,
    metrics,
    health,
    callers: 'public',
    routes(router) {
      router.get('/', (_request, response) => void response.json(WELCOME));
      docsRoutes(router);
    },
  });
  const forward = createForward({ upstreams, signCaller, logger });
  return createPipeline({
    routes: ROUTES,
    guards: [asAnybody],
    forward: (passage) => (passage.route.stream ? streams.forward(passage) : forward(passage)),
    other: own,
    logger,
    metrics,
  });
}
