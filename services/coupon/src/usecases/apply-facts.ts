import type { IdempotencyClaim } from '@shop/chassis';
import { FactsIncompleteError } from '@shop/events';
import { type CouponFact, type KnownRows, type Restored, restore } from '../domain/facts.ts';
import { CREATE_POLICY, OPERATORS } from './add-policy.ts';
import type { Ownership } from './owners.ts';

/** The rows that facts are about. Without repeats. */
export interface FactKeys {
  readonly policyIds: readonly number[];
  readonly endIds: readonly string[];
  readonly requestIds: readonly string[];
  /** Of new coupons, or used by orders. */
  readonly couponIds: readonly string[];
  /** The users who got coupons: they may have others of the policy. */
  readonly owners: readonly Ownership[];
  readonly orderIds: readonly string[];
}

export type RestoredKey = IdempotencyClaim & { readonly createdAt: Date };

/** Stores facts. Nothing else writes to the schema meanwhile. */
export interface FactStore<Tx> {
  load(tx: Tx, keys: FactKeys): Promise<KnownRows>;
  save(tx: Tx, restored: Omit<Restored, 'early'>): Promise<void>;
  restoreKeys(tx: Tx, keys: readonly RestoredKey[]): Promise<void>;
}

interface Dependencies<Tx> {
  readonly store: FactStore<Tx>;
  /** Requests over the log that are older have been removed, unless they were decided late, and stay so. */
  readonly keepsRequestsSince: () => Date;
  readonly logger: { warn(details: object, message: string): void };
}

/**
 * Restores the effects of coupon's events: policies and their ends, coupons, requests over the log, redemptions, and
 * the keys of policies. Existing rows stay as they are, nothing is decided and nothing is published.
 *
 * No event tells that a coupon was given back, has expired or was revoked: the first follows from the cancellation,
 * which is decided again, the others are done again by their jobs.
 * @throws FactsIncompleteError when facts follow on something that is missing (yet)
 */
export function createApplyFacts<Tx>({ store, keepsRequestsSince, logger }: Dependencies<Tx>) {
  return async (tx: Tx, all: readonly CouponFact[], { acceptGaps }: { acceptGaps: boolean }): Promise<void> => {
    const since = keepsRequestsSince().getTime();
    const facts = all.filter((it) => it.type !== 'coupon-issue-requested' || it.data.requestedAt >= since);
    const undated = facts.filter((it) => it.type === 'coupon-redeemed' && it.data.redeemedAt === null).length;
    if (undated > 0)
      logger.warn(
        { events: undated },
        'redemptions published before their time was told: the time of the event is taken',
      );
    const known = await store.load(tx, keysOf(facts));
    const { early, ...restored } = restore(known, facts);
    const [missing] = early;
    if (missing !== undefined && !acceptGaps) throw new FactsIncompleteError(`${missing}: something is missing`);
    const created = new Set(restored.policies.map((it) => it.requestId));
    const keys = facts.flatMap((it) => (it.type === 'coupon-policy-created' ? keyOf(it.data) : []));
    await store.restoreKeys(
      tx,
      keys.filter((key) => created.has(key.requestId)),
    );
    await store.save(tx, restored);
  };
}

type PolicyData = Extract<CouponFact, { type: 'coupon-policy-created' }>['data'];

function keyOf({ idempotencyKey: key, requestHash, requestId, createdAt }: PolicyData): RestoredKey[] {
  if (key === null || requestHash === null) return [];
  return [{ userId: OPERATORS, scope: CREATE_POLICY, key, requestHash, requestId, createdAt: new Date(createdAt) }];
}

function keysOf(facts: readonly CouponFact[]): FactKeys {
  const policyIds = new Set<number>();
  const endIds = new Set<string>();
  const requestIds = new Set<string>();
  const couponIds = new Set<string>();
  const orderIds = new Set<string>();
  const owners: Ownership[] = [];
  for (const { type, data } of facts) {
    if (type === 'coupon-issue-requested') requestIds.add(data.requestId);
    if (type === 'coupon-policy-ended') endIds.add(data.requestId);
    if (type === 'coupon-issued') owners.push(data);
    if (type === 'coupon-issued' || type === 'coupon-redeemed') couponIds.add(data.couponId);
    if (type === 'coupon-redeemed' || type === 'coupon-rejected') orderIds.add(data.orderId);
    else policyIds.add(data.couponPolicyId);
  }
  return {
    policyIds: [...policyIds],
    endIds: [...endIds],
    requestIds: [...requestIds],
    couponIds: [...couponIds],
    owners,
    orderIds: [...orderIds],
  };
}
