import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type PointRoutes, pointRoutes } from './http/routes.ts';

/** The Express application of payment. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes'> & PointRoutes) {
  return createHttpApp({ ...dependencies, routes: pointRoutes(dependencies) });
}
