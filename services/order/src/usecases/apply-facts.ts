import type { IdempotencyClaim, Logger } from '@shop/chassis';
import { FactsIncompleteError } from '@shop/events';
import type { Step } from '../domain/batch.ts';
import { effectOf, ORDER_FACTS, type OrderFact, remnantOf } from '../domain/facts.ts';
import type { Order, PendingOrder } from '../domain/order.ts';
import { withoutRequest } from '../domain/request.ts';
import { cancelScope } from './cancel-order.ts';
import { SCOPE } from './place-order.ts';
import type { NewOrders, OrderStore } from './ports.ts';

type RestoredKey = IdempotencyClaim & { readonly createdAt: Date };

interface Dependencies<Tx> {
  readonly newOrders: NewOrders<Tx>;
  readonly store: Pick<OrderStore<Tx>, 'load' | 'save'>;
  readonly restoreKeys: (tx: Tx, keys: readonly RestoredKey[]) => Promise<void>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** The changes of a batch of facts. */
interface Restored {
  readonly placed: PendingOrder[];
  readonly firstSteps: Step[];
  /** Ended orders after their last fact. */
  readonly ended: Map<string, Order>;
  readonly steps: Step[];
}

/**
 * Restores the effects of the order service's own events: orders, their lines, their own steps and the keys of their
 * requests. Existing rows stay as they are, nothing is decided and nothing is published. What the orders heard in
 * between is noted afterwards, when the recovery hears it again.
 * @throws FactsIncompleteError when facts follow on something that is missing (yet)
 */
export function createApplyFacts<Tx>({ newOrders, store, restoreKeys, logger }: Dependencies<Tx>) {
  return async (tx: Tx, facts: readonly OrderFact[], { acceptGaps }: { acceptGaps: boolean }): Promise<void> => {
    // Locks as everywhere in this service: keys, then orders by id. A key that is there already stays.
    await restoreKeys(tx, facts.flatMap(keyOf));
    const orders = await store.load(tx, [...new Set(facts.map((fact) => fact.data.orderId))].sort());
    const { placed, firstSteps, ended, steps } = collect(facts, orders, acceptGaps);
    warnOfOlder(logger, facts);
    if (placed.length > 0) await newOrders.insert(tx, placed, firstSteps);
    const changed = [...ended.values()];
    if (changed.length === 0) return;
    await store.save(tx, { orders: changed, reserved: changed.filter(isPriced), steps, events: [] });
  };
}

/** Each order in its state after the last of the facts. */
function collect(facts: readonly OrderFact[], orders: ReadonlyMap<string, Order>, acceptGaps: boolean): Restored {
  const restored: Restored = { placed: [], firstSteps: [], ended: new Map(), steps: [] };
  const placed = new Map<string, PendingOrder>();
  for (const fact of inOrdersOrder(facts)) {
    const { orderId } = fact.data;
    const known = restored.ended.get(orderId) ?? placed.get(orderId) ?? orders.get(orderId);
    const remnant = known || !acceptGaps ? undefined : remnantOf(fact);
    if (remnant) restored.placed.push(remnant);
    const effect = effectOf(fact, known ?? remnant, acceptGaps);
    if (effect.kind === 'early')
      throw new FactsIncompleteError(`there is an ${fact.type} of order ${orderId}, but what comes before it is not`);
    if (effect.kind === 'known') continue;
    const { order } = effect;
    const own = { orderId, seq: order.version, eventId: null, type: fact.type };
    const step = { ...own, data: withoutRequest(fact.data), at: order.updatedAt };
    if (order.status === 'PENDING') {
      placed.set(orderId, order);
      restored.placed.push(order);
      restored.firstSteps.push(step);
    } else {
      restored.ended.set(orderId, order);
      restored.steps.push(step);
    }
  }
  return restored;
}

/** Two relaying instances with different clocks may have sent an order's facts at times in another order. */
function inOrdersOrder(facts: readonly OrderFact[]): OrderFact[] {
  return facts.toSorted((a, b) => ORDER_FACTS.indexOf(a.type) - ORDER_FACTS.indexOf(b.type));
}

function isPriced(order: Order): boolean {
  return order.reservation !== null;
}

function keyOf(fact: OrderFact): RestoredKey[] {
  if (fact.type === 'order-completed') return [];
  const { orderId, userId, idempotencyKey: key, requestHash } = fact.data;
  if (key === null || requestHash === null) return [];
  if (fact.type === 'order-created') {
    const createdAt = fact.data.createdAt === null ? fact.time : new Date(fact.data.createdAt);
    return [{ userId, scope: SCOPE, key, requestHash, requestId: orderId, createdAt }];
  }
  const { requestId } = fact.data;
  if (requestId === null) return [];
  return [{ userId, scope: cancelScope(orderId), key, requestHash, requestId, createdAt: fact.time }];
}

/** Events that are older than the fields which tell of their request and their steps. */
function warnOfOlder(logger: Pick<Logger, 'warn'>, facts: readonly OrderFact[]): void {
  const older = facts.filter((fact) => fact.type === 'order-created' && fact.data.createdAt === null).length;
  if (older === 0) return;
  const words = 'orders whose events do not tell their keys are restored without: a repeat would order again';
  logger.warn({ orders: older }, words);
}
