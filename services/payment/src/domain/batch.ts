import { causedBy, type NewEvent } from '@shop/events';
import { decide, type Payment, type PointEntry, type SagaEvent } from './payment.ts';

/** The rows a batch needs, all locked. An absent account does not exist: its balance is 0. */
export interface Snapshot {
  readonly payments: ReadonlyMap<string, Payment>;
  readonly balances: ReadonlyMap<number, number>;
}

/** The rows a batch writes: each row once, in its final state, however many orders touched it. */
export interface Changes {
  /** Payments without a row before. */
  readonly created: readonly Payment[];
  /** Payments with a row before: their status changed. */
  readonly changed: readonly Payment[];
  /** Accounts whose balance changed. All exist and are locked, since nothing can be taken from a missing one. */
  readonly balances: readonly { readonly userId: number; readonly balance: number }[];
  /** In the order of their happening. */
  readonly entries: readonly PointEntry[];
  /** Time of the decision. */
  readonly at: Date;
}

/** The keys whose rows must be locked before the batch is decided, without repeats. */
export function keysOf(events: readonly SagaEvent[]): { orderIds: string[]; userIds: number[] } {
  const orderIds = new Set<string>();
  const userIds = new Set<number>();
  for (const event of events) {
    if (event.type === 'stock-reserved' && event.data.couponId !== null) continue;
    if (event.type !== 'order-cancelled') userIds.add(event.data.userId);
    orderIds.add(event.data.orderId);
  }
  return { orderIds: [...orderIds].sort(), userIds: [...userIds].sort((a, b) => a - b) };
}

/**
 * Decides a batch, one event after the other, each on the state left by those before. The result is that of deciding
 * each alone, but an account that pays for many orders is written once.
 */
export function decideBatch(
  snapshot: Snapshot,
  events: readonly SagaEvent[],
  now: Date,
): { changes: Changes; events: NewEvent[] } {
  const payments = new Map(snapshot.payments);
  const balances = new Map(snapshot.balances);
  const touched = new Map<string, Payment>();
  const entries: PointEntry[] = [];
  const published: NewEvent[] = [];

  for (const event of events) {
    const { orderId } = event.data;
    const payment = payments.get(orderId);
    const userId = payment?.userId ?? event.data.userId;
    const balance = balances.get(userId) ?? 0;
    const decision = decide({ payment, balance }, event);
    if (decision.payment) {
      payments.set(orderId, decision.payment);
      touched.set(orderId, decision.payment);
    }
    if (decision.balance !== balance) balances.set(userId, decision.balance);
    entries.push(...decision.entries);
    for (const next of decision.events) published.push({ ...next, cause: causedBy(event) });
  }

  return {
    changes: {
      created: [...touched.values()].filter((it) => !snapshot.payments.has(it.orderId)),
      changed: [...touched.values()].filter((it) => snapshot.payments.has(it.orderId)),
      balances: [...balances]
        .filter(([userId, balance]) => balance !== snapshot.balances.get(userId))
        .map(([userId, balance]) => ({ userId, balance })),
      entries,
      at: now,
    },
    events: published,
  };
}
