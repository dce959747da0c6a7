import { unreachable } from '@shop/chassis/unreachable';
import type { ReceivedEvent } from '@shop/events';
import type { Discount } from './discount.ts';
import { discountFromEvent } from './discount-in-events.ts';
import type { PolicyEnd } from './policy-end.ts';
import type { GrantedRedemption, RedeemableCoupon, Redemption } from './redemption.ts';

/**
 * The events that coupon publishes, read again by a schema restored from a backup. Requests come first: their topic is
 * read before that of the coupons that follow on them.
 */
export const COUPON_FACTS = [
  'coupon-issue-requested',
  'coupon-policy-created',
  'coupon-policy-ended',
  'coupon-issued',
  'coupon-redeemed',
  'coupon-rejected',
] as const;
export type CouponFact = ReceivedEvent<(typeof COUPON_FACTS)[number]>;
type Fact<T extends CouponFact['type']> = Extract<CouponFact, { type: T }>;

export interface RestoredPolicy {
  readonly couponPolicyId: number;
  readonly name: string;
  readonly discount: Discount;
  readonly totalQuantity: number;
  readonly validDays: number;
  readonly startsAt: Date | null;
  readonly endsAt: Date | null;
  readonly requestId: string;
  readonly createdAt: Date;
}

/** A request over the log. `couponId`: the coupon that it got; null while it is not decided. */
export interface RestoredRequest {
  readonly requestId: string;
  readonly couponPolicyId: number;
  readonly userId: number;
  readonly couponId: string | null;
}

export interface DatedRedemption {
  readonly redemption: Redemption;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The rows that facts are about, as far as they exist. */
export interface KnownRows {
  /** Policy → the id of the request that created it. */
  readonly policies: ReadonlyMap<number, string>;
  /** Request ids of ends. */
  readonly ends: ReadonlySet<string>;
  /** Ids of requests over the log. */
  readonly requests: ReadonlySet<string>;
  /** Includes the coupons that users of new ones already have of the policy. */
  readonly coupons: ReadonlyMap<string, RedeemableCoupon>;
  /** By order. Includes those of the orders that use these coupons. */
  readonly redemptions: ReadonlyMap<string, Redemption>;
}

/** The rows to write. Nothing that is there stays different from what it was, but for what facts changed. */
export interface Restored {
  readonly policies: readonly RestoredPolicy[];
  readonly ends: readonly PolicyEnd[];
  readonly requests: readonly RestoredRequest[];
  /** Coupons without a row, as they were issued. */
  readonly issued: readonly RedeemableCoupon[];
  /** Coupons that facts changed, also new ones; in their last state. */
  readonly changed: readonly RedeemableCoupon[];
  readonly redemptions: readonly DatedRedemption[];
  /** Facts that follow on something that is missing (yet), in words. */
  readonly early: readonly string[];
}

/** A fact that contradicts the schema: a fault of the backup or of an earlier recovery. */
export class ContradictingFact extends Error {
  override readonly name = 'ContradictingFact';
}

interface Draft {
  readonly known: KnownRows;
  readonly policies: Map<number, RestoredPolicy>;
  readonly ends: Map<string, PolicyEnd>;
  readonly requests: Map<string, RestoredRequest>;
  readonly issued: Map<string, RedeemableCoupon>;
  readonly coupons: Map<string, RedeemableCoupon>;
  readonly owners: Map<string, string>;
  readonly redemptions: Map<string, DatedRedemption>;
}

/**
 * The rows that facts, in the order of their sending, still have to restore. Nothing is decided. Facts whose rows exist
 * change nothing. A fact that comes before the one it follows on is tried again after the others.
 * @throws ContradictingFact
 */
export function restore(known: KnownRows, facts: readonly CouponFact[]): Restored {
  const draft: Draft = {
    known,
    policies: new Map(),
    ends: new Map(),
    requests: new Map(),
    issued: new Map(),
    coupons: new Map(known.coupons),
    owners: new Map([...known.coupons.values()].map((it) => [ownerOf(it), it.couponId])),
    redemptions: new Map(),
  };
  let open = facts;
  let early: string[];
  for (;;) {
    early = [];
    const waiting: CouponFact[] = [];
    for (const fact of open) {
      const missing = add(draft, fact);
      if (missing === undefined) continue;
      waiting.push(fact);
      early.push(missing);
    }
    if (waiting.length === 0 || waiting.length === open.length) break;
    open = waiting;
  }
  return {
    policies: [...draft.policies.values()],
    ends: [...draft.ends.values()],
    requests: [...draft.requests.values()],
    issued: [...draft.issued.values()],
    changed: [...draft.coupons.values()].filter(
      (it) => it !== (known.coupons.get(it.couponId) ?? draft.issued.get(it.couponId)),
    ),
    redemptions: [...draft.redemptions.values()],
    early,
  };
}

/** Adds what a fact restores. @returns what it misses, in words; undefined for a fact that is added or known */
function add(draft: Draft, fact: CouponFact): string | undefined {
  switch (fact.type) {
    case 'coupon-issue-requested':
      return addRequest(draft, fact);
    case 'coupon-policy-created':
      return addPolicy(draft, fact);
    case 'coupon-policy-ended':
      return addEnd(draft, fact);
    case 'coupon-issued':
      return addCoupon(draft, fact);
    case 'coupon-redeemed':
      return addRedeemed(draft, fact);
    case 'coupon-rejected':
      return addRejected(draft, fact);
    default:
      return unreachable(fact);
  }
}

function addRequest({ known, requests }: Draft, { data }: Fact<'coupon-issue-requested'>): undefined {
  const { requestId, couponPolicyId, userId } = data;
  if (known.requests.has(requestId) || requests.has(requestId)) return;
  requests.set(requestId, { requestId, couponPolicyId, userId, couponId: null });
}

function addPolicy({ known, policies }: Draft, { data }: Fact<'coupon-policy-created'>): undefined {
  const { couponPolicyId, name, totalQuantity, validDays, startsAt, endsAt, createdAt, requestId } = data;
  const other = known.policies.get(couponPolicyId) ?? policies.get(couponPolicyId)?.requestId;
  if (other === requestId) return;
  if (other) throw new ContradictingFact(`policy ${couponPolicyId} was created by ${requestId}, and here by ${other}`);
  policies.set(couponPolicyId, {
    ...{ couponPolicyId, name, discount: discountFromEvent(data), totalQuantity, validDays, requestId },
    startsAt: dateOf(startsAt),
    endsAt: dateOf(endsAt),
    createdAt: new Date(createdAt),
  });
}

function addEnd(draft: Draft, { data }: Fact<'coupon-policy-ended'>): string | undefined {
  const { couponPolicyId, requestId, revoke, reason, issuedCount, endedAt } = data;
  if (draft.known.ends.has(requestId) || draft.ends.has(requestId)) return undefined;
  if (!hasPolicy(draft, couponPolicyId)) return `policy ${couponPolicyId} was ended, but is not there`;
  const at = new Date(endedAt);
  // How far its revocation was, no event tells: it is repeated.
  const progress = { revokedCount: 0, doneAt: revoke ? null : at };
  draft.ends.set(requestId, { requestId, couponPolicyId, revoke, reason, issuedCount, at, ...progress });
  return undefined;
}

function addCoupon(draft: Draft, { data }: Fact<'coupon-issued'>): string | undefined {
  const { couponId, couponPolicyId, userId, issuedAt, expiresAt, byRequest } = data;
  if (draft.coupons.has(couponId)) return undefined;
  if (!hasPolicy(draft, couponPolicyId)) return `there is a coupon of policy ${couponPolicyId}, which is not there`;
  const other = draft.owners.get(ownerOf(data));
  if (other)
    throw new ContradictingFact(`user ${userId} got ${couponId} of policy ${couponPolicyId}, and here has ${other}`);
  const coupon: RedeemableCoupon = {
    ...{ couponId, couponPolicyId, userId, discount: discountFromEvent(data), status: 'ISSUED', revokedAt: null },
    issuedAt: new Date(issuedAt),
    expiresAt: new Date(expiresAt),
  };
  draft.issued.set(couponId, coupon);
  draft.coupons.set(couponId, coupon);
  draft.owners.set(ownerOf(coupon), couponId);
  if (byRequest) draft.requests.set(couponId, { requestId: couponId, couponPolicyId, userId, couponId });
  return undefined;
}

/**
 * The coupon is used by the order. A coupon that another order used had been given back in between, which no event
 * tells: the later of the two uses it.
 */
function addRedeemed(draft: Draft, { type, data, time }: Fact<'coupon-redeemed'>): string | undefined {
  const { orderId, userId, couponId, totalAmount, discountAmount, redeemedAt } = data;
  // Older events do not tell the time of the decision; their own is some milliseconds later.
  const at = dateOf(redeemedAt) ?? time;
  if (isKnown(draft, type, orderId, ['REDEEMED', 'RETURNED', 'SPARED'])) return undefined;
  const granted = { orderId, userId, couponId, totalAmount, discountAmount };
  const write = (status: GrantedRedemption['status']) => {
    draft.redemptions.set(orderId, { redemption: { ...granted, status }, createdAt: at, updatedAt: at });
    return undefined;
  };
  if (discountAmount === 0) return write('SPARED');
  const coupon = draft.coupons.get(couponId);
  if (!coupon) return `order ${orderId} has redeemed coupon ${couponId}, which is not there`;
  if (coupon.status === 'REVOKED') throw contradiction(type, orderId, `whose coupon ${couponId} is REVOKED`);
  if (coupon.status === 'USED' && coupon.usedAt > at) return write('RETURNED');
  if (coupon.status === 'USED') giveBack(draft, coupon.orderId, at);
  draft.coupons.set(couponId, { ...coupon, status: 'USED', orderId, usedAt: at });
  return write('REDEEMED');
}

function giveBack({ known, redemptions }: Draft, orderId: string, at: Date): void {
  const before = redemptions.get(orderId);
  const redemption = before?.redemption ?? known.redemptions.get(orderId);
  if (redemption?.status !== 'REDEEMED') return;
  const createdAt = before?.createdAt ?? at;
  redemptions.set(orderId, { redemption: { ...redemption, status: 'RETURNED' }, createdAt, updatedAt: at });
}

function addRejected(draft: Draft, { type, data, time: at }: Fact<'coupon-rejected'>): undefined {
  const { orderId, userId, couponId, reason } = data;
  if (isKnown(draft, type, orderId, ['REJECTED'])) return;
  const redemption: Redemption = { status: 'REJECTED', orderId, userId, couponId, reason };
  draft.redemptions.set(orderId, { redemption, createdAt: at, updatedAt: at });
}

/** @throws ContradictingFact when the order has a redemption in another state */
function isKnown(
  { known, redemptions }: Draft,
  type: CouponFact['type'],
  orderId: string,
  statuses: readonly Redemption['status'][],
): boolean {
  const redemption = redemptions.get(orderId)?.redemption ?? known.redemptions.get(orderId);
  if (!redemption) return false;
  if (statuses.includes(redemption.status)) return true;
  throw contradiction(type, orderId, `whose redemption is ${redemption.status}`);
}

function contradiction(type: CouponFact['type'], orderId: string, words: string): ContradictingFact {
  return new ContradictingFact(`${type} of order ${orderId}, ${words}`);
}

function hasPolicy({ known, policies }: Draft, couponPolicyId: number): boolean {
  return known.policies.has(couponPolicyId) || policies.has(couponPolicyId);
}

function ownerOf({ couponPolicyId, userId }: { readonly couponPolicyId: number; readonly userId: number }): string {
  return `${couponPolicyId} ${userId}`;
}

function dateOf(time: number | null): Date | null {
  return time === null ? null : new Date(time);
}
