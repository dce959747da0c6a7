import type { Router } from 'express';
import { type OperatorRoutes, operatorRoutes } from './operator-routes.ts';
import { type PolicyRoutes, policyRoutes } from './policy-routes.ts';
import { type UserRoutes, userRoutes } from './user-routes.ts';

export interface CouponRoutes extends UserRoutes, PolicyRoutes, OperatorRoutes {}

/** Coupon's HTTP routes, for users, for everyone and for operators. */
export function couponRoutes(dependencies: CouponRoutes): (router: Router) => void {
  const all = [userRoutes(dependencies), policyRoutes(dependencies), operatorRoutes(dependencies)];
  return (router) => {
    for (const routes of all) routes(router);
  };
}
