import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type ProductRoutes, productRoutes } from './http/routes.ts';
import { PROBLEMS } from './problems.ts';

/** The Express application of the catalog. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & ProductRoutes): Express {
  return createHttpApp({ ...dependencies, problems: PROBLEMS, routes: productRoutes(dependencies) });
}
