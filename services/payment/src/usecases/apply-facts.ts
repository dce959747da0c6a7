import type { IdempotencyClaim } from '@shop/chassis';
import { FactsIncompleteError } from '@shop/events';
import type { Snapshot } from '../domain/batch.ts';
import {
  type DatedEntry,
  deltaOf,
  effectOf,
  inOrderOfBalances,
  PAYMENT_FACTS,
  type PaymentFact,
} from '../domain/facts.ts';
import type { Payment } from '../domain/payment.ts';
import { CHARGE_SCOPE } from './charge-points.ts';

export interface DatedPayment {
  readonly payment: Payment;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type RestoredKey = IdempotencyClaim & { readonly createdAt: Date };

/** Stores facts. Locks: idempotency keys, payments by order id, accounts by user id, as everywhere in this service. */
export interface FactStore<Tx> {
  /** The request ids whose charge is in the history. */
  knownCharges(tx: Tx, requestIds: readonly string[]): Promise<ReadonlySet<string>>;
  restoreKeys(tx: Tx, keys: readonly RestoredKey[]): Promise<void>;
  /** Locks and reads; rows that do not exist are absent. Both lists are sorted. */
  load(tx: Tx, keys: { readonly orderIds: readonly string[]; readonly userIds: readonly number[] }): Promise<Snapshot>;
  savePayments(tx: Tx, payments: readonly DatedPayment[]): Promise<void>;
  /** Opens missing accounts. */
  saveBalances(
    tx: Tx,
    balances: readonly { readonly userId: number; readonly balance: number; readonly from: Date; readonly to: Date }[],
  ): Promise<void>;
  /** In the order given. */
  addEntries(tx: Tx, entries: readonly DatedEntry[]): Promise<void>;
}

/**
 * Restores the effects of payment's events: payments, accounts, histories and the keys of charges. Existing rows stay
 * as they are, nothing is decided and nothing is published.
 * @throws FactsIncompleteError when facts follow on something that is missing (yet)
 */
export function createApplyFacts<Tx>(store: FactStore<Tx>) {
  return async (tx: Tx, facts: readonly PaymentFact[], { acceptGaps }: { acceptGaps: boolean }): Promise<void> => {
    const charges = facts.flatMap((fact) => (fact.type === 'points-charged' ? [fact] : []));
    const known = await store.knownCharges(
      tx,
      charges.map((charge) => charge.data.requestId),
    );
    const keys = charges.filter((charge) => !known.has(charge.data.requestId)).flatMap(keyOf);
    await store.restoreKeys(tx, keys);

    const orderIds = facts.flatMap((fact) => (fact.type === 'points-charged' ? [] : [fact.data.orderId]));
    const userIds = facts.map((fact) => fact.data.userId);
    const snapshot = await store.load(tx, {
      orderIds: [...new Set(orderIds)].sort(),
      userIds: [...new Set(userIds)].sort((a, b) => a - b),
    });

    const { payments, entries } = collect(facts, snapshot, known, acceptGaps);
    if (payments.length > 0) await store.savePayments(tx, payments);
    if (entries.length === 0) return;
    const { balances, ordered } = settle(entries, snapshot.balances, acceptGaps);
    if (balances.length > 0) await store.saveBalances(tx, balances);
    await store.addEntries(tx, ordered);
  };
}

function keyOf({ data }: PaymentFact & { type: 'points-charged' }): RestoredKey[] {
  const { userId, idempotencyKey: key, requestHash, requestId, chargedAt } = data;
  if (key === null || requestHash === null) return [];
  return [{ userId, scope: CHARGE_SCOPE, key, requestHash, requestId, createdAt: new Date(chargedAt) }];
}

/** The new effects of the facts: each payment in its state after the last of them. */
function collect(
  facts: readonly PaymentFact[],
  snapshot: Snapshot,
  known: ReadonlySet<string>,
  acceptGaps: boolean,
): { payments: DatedPayment[]; entries: DatedEntry[] } {
  const payments = new Map<string, DatedPayment>();
  const entries: DatedEntry[] = [];
  for (const fact of inPaymentsOrder(facts)) {
    const orderId = fact.type === 'points-charged' ? undefined : fact.data.orderId;
    const before = orderId === undefined ? undefined : payments.get(orderId);
    const current = before?.payment ?? (orderId === undefined ? undefined : snapshot.payments.get(orderId));
    const effect = effectOf(fact, current, fact.type === 'points-charged' && known.has(fact.data.requestId));
    if (effect.kind === 'early' && !acceptGaps)
      throw new FactsIncompleteError(`there is a ${fact.type} of ${fact.key}, but nothing was taken for it`);
    if (effect.kind !== 'new') continue;
    const { payment, entry } = effect;
    if (payment) {
      const createdAt = before?.createdAt ?? fact.time;
      const updatedAt = fact.time < createdAt ? createdAt : fact.time;
      payments.set(payment.orderId, { payment, createdAt, updatedAt });
    }
    if (entry) entries.push(entry);
  }
  return { payments: [...payments.values()], entries };
}

/**
 * The facts as they came, but each order's in the order of their types, in the places of that order. A refund may have
 * been sent at an earlier time than its payment, by two relaying instances with different clocks, or after the
 * database's clock was set back. Other orders keep their places: an account's history is in the order of its events.
 */
function inPaymentsOrder(facts: readonly PaymentFact[]): PaymentFact[] {
  const places = Map.groupBy(facts.keys(), (place) => facts[place]?.key);
  const ordered = [...facts];
  for (const own of places.values()) {
    const sorted = own.flatMap((place) => facts[place] ?? []).sort((a, b) => rankOf(a) - rankOf(b));
    for (const [n, fact] of sorted.entries()) ordered[own[n] ?? 0] = fact;
  }
  return ordered;
}

const rankOf = ({ type }: PaymentFact): number => PAYMENT_FACTS.indexOf(type);

/** The balances after the entries, and the entries in their accounts' order. */
function settle(entries: readonly DatedEntry[], before: ReadonlyMap<number, number>, acceptGaps: boolean) {
  const ordered: DatedEntry[] = [];
  const balances: { userId: number; balance: number; from: Date; to: Date }[] = [];
  for (const [userId, own] of [...Map.groupBy(entries, (entry) => entry.userId)].sort(([a], [b]) => a - b)) {
    const balance = before.get(userId) ?? 0;
    const byTime = own.toSorted((a, b) => a.at.getTime() - b.at.getTime());
    const chain = inOrderOfBalances(balance, byTime) ?? (acceptGaps ? byTime : undefined);
    const after = balance + own.reduce((sum, entry) => sum + deltaOf(entry), 0);
    if (!chain || after < 0) {
      const words = `account ${userId} holds ${balance} won, and its ${own.length} next events do not follow on that`;
      throw new FactsIncompleteError(`${words}: something before them is missing`);
    }
    ordered.push(...chain);
    const [from, to] = [byTime.at(0)?.at, byTime.at(-1)?.at];
    // An account is opened by a charge; a user without one may still have paid 0.
    if (from && to && (before.has(userId) || own.some((entry) => entry.type === 'CHARGE')))
      balances.push({ userId, balance: after, from, to });
  }
  return { balances, ordered };
}
