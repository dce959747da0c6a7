import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type ShippingRoutes, shippingRoutes } from './http/routes.ts';

/** The Express application of shipping. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes'> & ShippingRoutes) {
  return createHttpApp({ ...dependencies, routes: shippingRoutes(dependencies) });
}
