import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type OrderRoutes, orderRoutes } from './http/routes.ts';
import { PROBLEMS } from './problems.ts';

/** The order service's HTTP application; it does not listen. */
export function createApp(deps: Omit<HttpAppOptions, 'routes' | 'problems'> & OrderRoutes): Express {
  return createHttpApp({ ...deps, problems: PROBLEMS, routes: orderRoutes(deps) });
}
