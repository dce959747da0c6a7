import type { RequestListener } from 'node:http';
import { createHttpApp, type Health, type Logger, type Metrics } from '@shop/chassis';
import type { Admission } from './admission/admission.ts';
import { type DemoIssuer, demoRoutes } from './auth/demo.ts';
import { docsRoutes } from './pages/docs.ts';
import { storefrontRoutes } from './pages/storefront.ts';
import type { Guard } from './passage.ts';
import { createPipeline } from './pipeline.ts';
import type { ClientAddress } from './protect/client-address.ts';
import { createProtection, type ProtectionOptions } from './protect/protection.ts';
import { createForward, type ForwardOptions } from './proxy/proxy.ts';
import { createStandIns } from './proxy/stand-in.ts';
import type { Streams } from './proxy/streams.ts';
import { ROUTES } from './routes.generated.ts';

export interface AppDeps extends ForwardOptions, ProtectionOptions {
  readonly admission: Admission;
  readonly clientAddress: ClientAddress;
  readonly streams: Streams;
  /** Identifies the caller and checks its permission. */
  readonly identify: Guard;
  /** Gives tokens to anyone who asks, if enabled. */
  readonly demo?: DemoIssuer | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}

/** The answer at `/`, for people. */
const WELCOME = {
  name: 'shop',
  links: {
    shop: '/shop/',
    products: '/products',
    popular: '/products/popular',
    points: '/points',
    orders: '/orders',
    couponPolicies: '/coupon-policies',
    health: '/health/ready',
    openapi: '/openapi.json',
    docs: '/docs',
    events: '/docs/events',
  },
};

/**
 * The gateway's HTTP application; it does not listen. A forwarded request does not pass through Express, and its body
 * is not parsed. Every path without a route is answered by the gateway itself, also with problems.
 */
export function createApp(deps: AppDeps): RequestListener {
  const { streams, identify, demo, logger, metrics, health } = deps;
  const own = createHttpApp({
    logger,
    metrics,
    health,
    callers: 'public',
    problems: {},
    routes(router) {
      router.get('/', (request, response) => {
        if (request.accepts(['json', 'html']) === 'html') response.redirect('/shop/');
        else response.json(WELCOME);
      });
      storefrontRoutes(router);
      docsRoutes(router);
      if (demo) demoRoutes(demo)(router);
    },
  });
  const forward = createForward(deps);
  const protection = createProtection(deps);
  return createPipeline({
    routes: ROUTES.filter((route) => deps.upstreams[route.service] !== undefined),
    preflight: protection.preflight,
    answerHeaders: protection.answerHeaders,
    originHeaders: protection.originHeaders,
    limitAddress: protection.limitAddress,
    admission: deps.admission,
    answerFromCopy: deps.copies.hit,
    standInFor: createStandIns(deps.lastGood, metrics),
    guards: [identify, protection.limitUser],
    forward: (passage) => (passage.route.stream ? streams.forward(passage) : forward(passage)),
    other: protection.pages(own),
    logger,
    metrics,
  });
}
