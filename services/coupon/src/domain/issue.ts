import { acceptedAt, type Coupon, newCoupon } from './coupon.ts';
import { opennessOf, type Policy } from './policy.ts';

/** A user's request for a coupon. */
export interface IssueRequest {
  /** A UUIDv7 with the time at which the request was accepted. Becomes the coupon's id. */
  readonly requestId: string;
  readonly userId: number;
  readonly couponPolicyId: number;
}

export type IssueOutcome =
  | { readonly kind: 'ISSUED'; readonly coupon: Coupon }
  /** The user already had a coupon. */
  | { readonly kind: 'OWNED'; readonly coupon: Coupon }
  | { readonly kind: 'SOLD_OUT' }
  /** Requested outside of the policy's time. */
  | { readonly kind: 'NOT_OPEN' }
  /** An operator has ended the policy. */
  | { readonly kind: 'ENDED' }
  | { readonly kind: 'NO_POLICY' };

export interface IssueDecision {
  /** One for each request, in their order. */
  readonly outcomes: readonly IssueOutcome[];
  /** The coupons to insert, in the order of admission. */
  readonly issued: readonly Coupon[];
}

/**
 * Decides requests one after the other, as if each came alone: a user with a coupon keeps it, the others are admitted
 * while coupons are left.
 *
 * @param policies the existing policies, locked
 * @param owned coupons of these policies that the requests' users have
 * @param opennessJudged whether it was checked when the requests were accepted that their policies were open
 */
export function decideIssues(
  policies: readonly Policy[],
  owned: readonly Coupon[],
  requests: readonly IssueRequest[],
  opennessJudged = false,
): IssueDecision {
  const byId = new Map(policies.map((policy) => [policy.couponPolicyId, policy]));
  const left = new Map(policies.map((it) => [it.couponPolicyId, it.totalQuantity - it.issuedCount]));
  const couponOf = new Map(owned.map((coupon) => [ownerOf(coupon), coupon]));
  const issued: Coupon[] = [];

  function decide(request: IssueRequest): IssueOutcome {
    const policy = byId.get(request.couponPolicyId);
    if (!policy) return { kind: 'NO_POLICY' };
    const own = couponOf.get(ownerOf(request));
    // A repeat of an issued request is answered as the first time.
    if (own) return { kind: own.couponId === request.requestId ? 'ISSUED' : 'OWNED', coupon: own };
    const openness = opennessOf(policy, acceptedAt(request.requestId));
    const remaining = left.get(policy.couponPolicyId) ?? 0;
    const isSoldOut = remaining <= 0;
    // A refusal of the log is the same whenever it is decided, also again after the end: see ADR 42.
    if (isSoldOut && opennessJudged) return { kind: 'SOLD_OUT' };
    // The end counts from its commit on, also for requests that were accepted before.
    if (openness === 'ENDED') return { kind: 'ENDED' };
    if (!opennessJudged && openness !== 'OPEN') return { kind: 'NOT_OPEN' };
    if (isSoldOut) return { kind: 'SOLD_OUT' };
    left.set(policy.couponPolicyId, remaining - 1);
    const coupon = newCoupon(policy, request);
    couponOf.set(ownerOf(coupon), coupon);
    issued.push(coupon);
    return { kind: 'ISSUED', coupon };
  }

  return { outcomes: requests.map(decide), issued };
}

function ownerOf({ couponPolicyId, userId }: { readonly couponPolicyId: number; readonly userId: number }): string {
  return `${couponPolicyId} ${userId}`;
}
