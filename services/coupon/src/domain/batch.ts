import { causedBy, type NewEvent } from '@shop/events';
import { decide, type RedeemableCoupon, type Redemption, type SagaEvent } from './redemption.ts';

/** The rows a batch needs, all locked. An absent row does not exist. */
export interface Snapshot {
  readonly redemptions: ReadonlyMap<string, Redemption>;
  readonly coupons: ReadonlyMap<string, RedeemableCoupon>;
}

/** The rows a batch writes: each row once, in its final state, however many orders touched it. */
export interface Changes {
  /** Redemptions without a row before, by order id. */
  readonly created: readonly Redemption[];
  /** Redemptions with a row before: their status changed. */
  readonly changed: readonly Redemption[];
  /** Coupons whose status changed; all exist and are locked. */
  readonly coupons: readonly RedeemableCoupon[];
  /** Time of the decision. */
  readonly at: Date;
}

/**
 * The keys whose rows must be locked before the batch is decided, without repeats, sorted. `couponIds` are the coupons
 * that may be used; those to be given back are known from the redemptions.
 */
export function keysOf(events: readonly SagaEvent[]): { orderIds: string[]; couponIds: string[] } {
  const orderIds = new Set<string>();
  const couponIds = new Set<string>();
  for (const { type, data } of events) {
    if (data.couponId === null) continue;
    orderIds.add(data.orderId);
    if (type === 'stock-reserved') couponIds.add(data.couponId);
  }
  return { orderIds: [...orderIds].sort(), couponIds: [...couponIds].sort() };
}

/**
 * Decides a batch, one event after the other, each on the state left by those before. The result is that of deciding
 * each alone. Of two orders that name the same coupon the first uses it.
 */
export function decideBatch(
  snapshot: Snapshot,
  events: readonly SagaEvent[],
  now: Date,
): { changes: Changes; events: NewEvent[] } {
  const redemptions = new Map(snapshot.redemptions);
  const coupons = new Map(snapshot.coupons);
  const published: NewEvent[] = [];

  for (const event of events) {
    const { orderId } = event.data;
    const redemption = redemptions.get(orderId);
    const coupon = coupons.get(redemption?.couponId ?? event.data.couponId ?? '');
    const decision = decide({ redemption, coupon }, event, now);
    if (decision.redemption) redemptions.set(orderId, decision.redemption);
    if (decision.coupon) coupons.set(decision.coupon.couponId, decision.coupon);
    for (const next of decision.events) published.push({ ...next, cause: causedBy(event) });
  }

  const touched = [...redemptions.values()].filter((it) => it !== snapshot.redemptions.get(it.orderId));
  return {
    changes: {
      // In key order: two instances with the same orders then wait for each other instead of deadlocking.
      created: touched.filter((it) => !snapshot.redemptions.has(it.orderId)).sort(byOrderId),
      changed: touched.filter((it) => snapshot.redemptions.has(it.orderId)),
      coupons: [...coupons.values()].filter((it) => it !== snapshot.coupons.get(it.couponId)),
      at: now,
    },
    events: published,
  };
}

function byOrderId(a: Redemption, b: Redemption): number {
  return a.orderId < b.orderId ? -1 : 1;
}
