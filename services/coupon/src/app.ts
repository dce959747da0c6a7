import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type CouponRoutes, couponRoutes } from './http/routes.ts';
import { PROBLEMS } from './problems.ts';

/** The Express application of coupon. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & CouponRoutes): Express {
  return createHttpApp({ ...dependencies, problems: PROBLEMS, routes: couponRoutes(dependencies) });
}
