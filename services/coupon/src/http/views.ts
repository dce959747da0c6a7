import type { ShownPolicy } from '../usecases/add-policy.ts';
import type { ShownCoupon } from '../usecases/ports.ts';
import { discountView, type ViewOf } from './discount.ts';

export type PolicyView = ViewOf<ShownPolicy>;
export type CouponView = ViewOf<ShownCoupon>;

export function policyView({ couponPolicyId, name, discount, ...rest }: ShownPolicy): PolicyView {
  return { couponPolicyId, name, ...discountView(discount), ...rest };
}

export function couponView({ couponId, couponPolicyId, name, discount, ...rest }: ShownCoupon): CouponView {
  return { couponId, couponPolicyId, name, ...discountView(discount), ...rest };
}
