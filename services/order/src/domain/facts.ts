import { unreachable } from '@shop/chassis/unreachable';
import type { ReceivedEvent } from '@shop/events';
import type { SagaEvent } from './decide.ts';
import type { CancelledOrder, CompletedOrder, Order, PendingOrder, PricedLine } from './order.ts';

/** The events that the order service publishes, read again by a schema restored from a backup; in an order's order. */
export const ORDER_FACTS = ['order-created', 'order-completed', 'order-cancelled'] as const;
export type OrderFact = ReceivedEvent<(typeof ORDER_FACTS)[number]>;
type Created = ReceivedEvent<'order-created'>;
type Completed = ReceivedEvent<'order-completed'>;
type Cancelled = ReceivedEvent<'order-cancelled'>;

/** A fact that contradicts the schema: a fault of the backup or of an earlier recovery. */
export class ContradictingFact extends Error {
  override readonly name = 'ContradictingFact';
}

/** The effect of a fact. `known`: already there. `early`: it follows on a fact that is missing. */
export type Effect =
  | { readonly kind: 'known' }
  | { readonly kind: 'early' }
  | { readonly kind: 'new'; readonly order: Order };

/**
 * The order after a fact, given the order before it. Nothing is decided. Steps that it heard before the fact are named
 * in `steps` and counted in `version`; their rows follow when the events are heard again (`recall`).
 * @param acceptGaps an order-completed may be missing
 * @throws {ContradictingFact}
 */
export function effectOf(fact: OrderFact, order: Order | undefined, acceptGaps: boolean): Effect {
  switch (fact.type) {
    case 'order-created':
      return order ? { kind: 'known' } : { kind: 'new', order: placed(fact) };
    case 'order-completed': {
      if (!order) return { kind: 'early' };
      if (order.status === 'PENDING') return { kind: 'new', order: completed(fact, order) };
      if (order.completedAt) return { kind: 'known' };
      throw contradiction(fact, order);
    }
    case 'order-cancelled': {
      if (order?.status === 'CANCELLED') return { kind: 'known' };
      if (order?.status === 'COMPLETED' && !fact.data.wasCompleted) throw contradiction(fact, order);
      if (!order) return { kind: 'early' };
      if (order.status === 'PENDING' && fact.data.wasCompleted && !acceptGaps) return { kind: 'early' };
      return { kind: 'new', order: cancelled(fact, order) };
    }
    default:
      return unreachable(fact);
  }
}

function contradiction(fact: OrderFact, { orderId, status }: Order): ContradictingFact {
  return new ContradictingFact(`${fact.type} of order ${orderId}, which is ${status}`);
}

function placed({ data, time, traceparent }: Created): PendingOrder {
  const { orderId, userId, couponId, expectedTotal, lines } = data;
  const createdAt = data.createdAt === null ? time : new Date(data.createdAt);
  return {
    ...{ orderId, userId, couponId, expectedTotal, lines, createdAt, updatedAt: createdAt },
    traceparent: traceparent ?? null,
    ...{ version: 1, steps: ['order-created'], awaitsStock: false },
    ...{ status: 'PENDING', reservation: null, payment: null },
  };
}

/** What a fact tells of an order whose order-created is gone; undefined for order-created itself. */
export function remnantOf(fact: OrderFact): PendingOrder | undefined {
  if (fact.type === 'order-created') return undefined;
  const { data, time, traceparent } = fact;
  const { orderId, userId, couponId } = data;
  const lines = data.lines.map(({ productId, quantity }) => ({ productId, quantity }));
  return {
    ...{ orderId, userId, couponId, expectedTotal: null, lines, createdAt: time, updatedAt: time },
    traceparent: traceparent ?? null,
    // Its first step is missing: the history begins with what is known.
    ...{ version: 0, steps: null, awaitsStock: false },
    ...{ status: 'PENDING', reservation: null, payment: null },
  };
}

function completed(fact: Completed, before: PendingOrder): CompletedOrder {
  const { lines, totalAmount, paidAmount, discountAmount, completedAt } = fact.data;
  const reservation = { lines: lines.map(toPricedLine), totalAmount };
  const at = new Date(completedAt);
  const end = { status: 'COMPLETED', completedAt: at, updatedAt: at, awaitsStock: false } as const;
  return { ...before, ...end, reservation, payment: { paidAmount, discountAmount }, ...stepsAfter(fact, before) };
}

function cancelled(fact: Cancelled, before: PendingOrder | CompletedOrder): CancelledOrder {
  const { data, time: updatedAt } = fact;
  const { reason, completedAt } = data;
  const was = completedAt === null ? null : new Date(completedAt);
  const end = { status: 'CANCELLED', reason, completedAt: was, refundedAt: null, awaitsStock: false } as const;
  return { ...before, ...end, updatedAt, ...stepsAfter(fact, before) };
}

/** The backup's steps come first: they are the beginning of those that the fact names. */
function stepsAfter({ type, data }: Completed | Cancelled, before: Order) {
  const named = data.steps?.filter((step) => !before.steps?.includes(step)) ?? [];
  const steps = before.steps && [...before.steps, ...named, type];
  return { steps, version: steps?.length ?? before.version + 1 };
}

function toPricedLine({ productId, quantity, name, unitPrice }: PricedLine): PricedLine {
  return { productId, quantity, name, unitPrice };
}

/**
 * What is still to be noted of an event that the order heard before a fact which named it: its place in the history and
 * what the fact did not tell. Undefined for an event that no fact has named: it is to be decided.
 *
 * An event of each type comes to an order once, and never again once it is handled. So an event whose type is already
 * among the steps is one whose row was lost with the backup's later part.
 */
export function recall(state: Order, event: SagaEvent): { readonly state: Order; readonly seq: number } | undefined {
  const index = state.steps?.indexOf(event.type) ?? -1;
  if (index < 0) return undefined;
  return { state: state.status === 'CANCELLED' ? recallCancelled(state, event) : state, seq: index + 1 };
}

/** order-cancelled does not tell what the order knew of its reservation and payment. */
function recallCancelled(state: CancelledOrder, event: SagaEvent): CancelledOrder {
  if (event.type === 'stock-reserved' && !state.reservation) {
    const { lines, totalAmount } = event.data;
    return { ...state, reservation: { lines, totalAmount } };
  }
  if (event.type === 'payment-completed' && !state.payment) {
    const { paidAmount, discountAmount } = event.data;
    return { ...state, payment: { paidAmount, discountAmount } };
  }
  return state;
}
