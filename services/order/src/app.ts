import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type OrderRoutes, orderRoutes } from './http/routes.ts';
import { PROBLEMS } from './problems.ts';

/** The Express application of the order service. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & OrderRoutes): Express {
  return createHttpApp({ ...dependencies, problems: PROBLEMS, routes: orderRoutes(dependencies) });
}
