import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type PointRoutes, pointRoutes } from './http/routes.ts';
import { PROBLEMS } from './problems.ts';

/** The Express application of payment. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & PointRoutes): Express {
  return createHttpApp({ ...dependencies, problems: PROBLEMS, routes: pointRoutes(dependencies) });
}
