import { unreachable } from '@shop/chassis/unreachable';
import type { ReceivedEvent } from '@shop/events';
import type { CapturedPayment, EmptyPayment, Payment, PointEntry } from './payment.ts';

/** The events that payment publishes, read again by a schema restored from a backup; in an order's order. */
export const PAYMENT_FACTS = ['payment-completed', 'payment-failed', 'payment-refunded', 'points-charged'] as const;
export type PaymentFact = ReceivedEvent<(typeof PAYMENT_FACTS)[number]>;

/** An entry of a history with its time. */
export interface DatedEntry extends PointEntry {
  readonly at: Date;
}

/** A fact that contradicts the schema: a fault of the backup or of an earlier recovery. */
export class ContradictingFact extends Error {
  override readonly name = 'ContradictingFact';
}

/** The effect of a fact. `known`: already there. `early`: it follows on something that is missing. */
export type Effect =
  | { readonly kind: 'known' }
  | { readonly kind: 'early' }
  | { readonly kind: 'new'; readonly payment?: Payment; readonly entry?: DatedEntry };

/**
 * The part of a fact still to be restored, given the order's payment (or whether the charge is known). Nothing is
 * decided.
 */
export function effectOf(fact: PaymentFact, payment: Payment | undefined, isChargeKnown: boolean): Effect {
  switch (fact.type) {
    case 'points-charged': {
      if (isChargeKnown) return { kind: 'known' };
      const { userId, amount, balanceAfter, requestId, chargedAt } = fact.data;
      const entry = { userId, type: 'CHARGE' as const, amount, balanceAfter, orderId: null, requestId };
      return { kind: 'new', entry: { ...entry, at: new Date(chargedAt) } };
    }
    case 'payment-completed': {
      if (payment?.status === 'COMPLETED' || payment?.status === 'REFUNDED') return { kind: 'known' };
      if (payment) throw contradiction(fact, payment);
      const { orderId, userId, paidAmount, discountAmount, balanceAfter } = fact.data;
      const captured: CapturedPayment = { status: 'COMPLETED', orderId, userId, paidAmount, discountAmount };
      const entry = { userId, type: 'USE' as const, amount: paidAmount, balanceAfter, orderId, requestId: null };
      return { kind: 'new', payment: captured, entry: { ...entry, at: fact.time } };
    }
    case 'payment-failed': {
      if (payment?.status === 'FAILED') return { kind: 'known' };
      if (payment) throw contradiction(fact, payment);
      const { orderId, userId, reason } = fact.data;
      const failed: EmptyPayment = { status: 'FAILED', orderId, userId, reason };
      return { kind: 'new', payment: failed };
    }
    case 'payment-refunded': {
      if (payment?.status === 'REFUNDED') return { kind: 'known' };
      if (!payment) return { kind: 'early' };
      if (payment.status !== 'COMPLETED') throw contradiction(fact, payment);
      const { orderId, userId, amount, balanceAfter } = fact.data;
      const entry = { userId, type: 'REFUND' as const, amount, balanceAfter, orderId, requestId: null };
      return { kind: 'new', payment: { ...payment, status: 'REFUNDED' }, entry: { ...entry, at: fact.time } };
    }
    default:
      return unreachable(fact);
  }
}

function contradiction(fact: PaymentFact, payment: Payment): ContradictingFact {
  return new ContradictingFact(`${fact.type} of order ${payment.orderId}, whose payment is ${payment.status}`);
}

/** The change of the balance by an entry, in won. */
export function deltaOf({ type, amount }: PointEntry): number {
  return type === 'USE' ? -amount : amount;
}

/**
 * Sorts one account's entries, which come by time, so that each begins with the balance left by the one before,
 * `balance` at first. Times come from several instances and are only exact to the millisecond; the balances give the
 * true order. Undefined when there is no such order: entries are missing.
 *
 * Balances are the nodes and entries the edges of a graph; an order is an Eulerian path (Hierholzer's algorithm). Where
 * several entries are possible, the earliest is taken.
 */
export function inOrderOfBalances<E extends PointEntry>(balance: number, entries: readonly E[]): E[] | undefined {
  const leaving = Map.groupBy(entries, (entry) => entry.balanceAfter - deltaOf(entry));
  const taken = new Map<number, number>();
  const path: { readonly at: number; readonly by: E | undefined }[] = [{ at: balance, by: undefined }];
  const ordered: E[] = [];
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const next = taken.get(top.at) ?? 0;
    const entry = leaving.get(top.at)?.[next];
    taken.set(top.at, next + 1);
    if (entry) path.push({ at: entry.balanceAfter, by: entry });
    else {
      path.pop();
      if (top.by) ordered.push(top.by);
    }
  }
  ordered.reverse();
  let at = balance;
  for (const entry of ordered) {
    if (entry.balanceAfter - deltaOf(entry) !== at) return undefined;
    at = entry.balanceAfter;
  }
  return ordered.length === entries.length ? ordered : undefined;
}
