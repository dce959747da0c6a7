import { createHttpApp, type Health, type Logger, type Metrics } from '@shop/service';
import type { Express } from 'express';
import { orderRoutes, type RouteDeps } from './http/routes.ts';

export interface AppDeps extends RouteDeps {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}

/** The order service's HTTP application; it does not listen. */
export function createApp(deps: AppDeps): Express {
  const { logger, metrics, health } = deps;
  return createHttpApp({ logger, metrics, health, routes: orderRoutes(deps) });
}
