import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type ProductRoutes, productRoutes } from './http/routes.ts';

/** The Express application of the catalog. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes'> & ProductRoutes) {
  return createHttpApp({ ...dependencies, routes: productRoutes(dependencies) });
}
