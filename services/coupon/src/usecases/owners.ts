/** A user and a policy: at most one coupon. */
export interface Ownership {
  readonly couponPolicyId: number;
  readonly userId: number;
}
