import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type CouponRoutes, couponRoutes } from './http/coupon-routes.ts';
import { type InternalRoutes, internalRoutes } from './http/internal-routes.ts';
import { type PolicyRoutes, policyRoutes } from './http/policy-routes.ts';
import { PROBLEMS } from './problems.ts';

/** The Express application of coupon. It does not listen. */
export function createApp(
  dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & CouponRoutes & PolicyRoutes & InternalRoutes,
) {
  const all = [couponRoutes(dependencies), policyRoutes(dependencies), internalRoutes(dependencies)];
  return createHttpApp({
    ...dependencies,
    problems: PROBLEMS,
    routes: (router) => {
      for (const routes of all) routes(router);
    },
  });
}
