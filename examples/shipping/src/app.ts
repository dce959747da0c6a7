import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type ShippingRoutes, shippingRoutes } from './http/routes.ts';

/** The Express application of shipping. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & ShippingRoutes): Express {
  return createHttpApp({ ...dependencies, problems: {}, routes: shippingRoutes(dependencies) });
}
