import type { ShownPolicy } from '../usecases/add-policy.ts';
import type { EndedPolicy } from '../usecases/end-policy.ts';
import type { ShownCoupon } from '../usecases/ports.ts';
import { discountView, type ViewOf } from './discount.ts';

export type PolicyView = ViewOf<ShownPolicy> & { readonly status: 'ACTIVE' | 'ENDED' };
export type CouponView = ViewOf<ShownCoupon>;

export function policyView({ couponPolicyId, name, discount, ...rest }: ShownPolicy): PolicyView {
  const status = rest.endedAt ? 'ENDED' : 'ACTIVE';
  return { couponPolicyId, name, ...discountView(discount), status, ...rest };
}

export function couponView({ couponId, couponPolicyId, name, discount, ...rest }: ShownCoupon): CouponView {
  return { couponId, couponPolicyId, name, ...discountView(discount), ...rest };
}

/** An ended policy, as operators see it. */
export interface EndView extends Omit<EndedPolicy, 'revocation'> {
  /** What became of its unused coupons; null when they can be used. */
  readonly revocation: { readonly status: 'RUNNING' | 'DONE'; readonly revokedCount: number } | null;
}

export function endView({ revocation, ...rest }: EndedPolicy): EndView {
  const { doneAt, revokedCount } = revocation ?? {};
  const shown = revokedCount === undefined ? null : ({ status: doneAt ? 'DONE' : 'RUNNING', revokedCount } as const);
  return { ...rest, revocation: shown };
}
