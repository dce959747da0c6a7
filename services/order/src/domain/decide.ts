import { unreachable } from '@shop/chassis/unreachable';
import type { EventDataByType, NewEvent } from '@shop/events';
import type { CancelledOrder, CompletedOrder, Order, Payment, PendingOrder, Reservation } from './order.ts';
import { keyFields, type RequestKey } from './request.ts';

/** The events of other services that an order reacts to, in the order in which they can follow from each other. */
export const SAGA_EVENTS = [
  'stock-awaited',
  'stock-reserved',
  'stock-rejected',
  'coupon-redeemed',
  'coupon-rejected',
  'payment-completed',
  'payment-failed',
  'payment-refunded',
] as const;
export type SagaEventType = (typeof SAGA_EVENTS)[number];

export type SagaEvent = {
  [T in SagaEventType]: { readonly type: T; readonly data: EventDataByType[T] };
}[SagaEventType];

/** A request with a key that cancels an order. */
export interface CancellingRequest extends RequestKey {
  readonly requestId: string;
}

/** The inputs of an order: an event of the saga, its user's cancellation, or a check of its deadline. */
export type OrderInput =
  | SagaEvent
  | { readonly type: 'cancel-requested'; readonly request?: CancellingRequest }
  | { readonly type: 'deadline-checked'; readonly deadlineMs: number };

export interface Decision {
  readonly state: Order;
  readonly events: readonly NewEvent[];
}

/**
 * An event that contradicts the order's state, for instance a failed payment of a completed order. No order of delivery
 * leads here, only a fault of a participant: an operator must look at it.
 */
export class ContradictingEvent extends Error {
  override readonly name = 'ContradictingEvent';
}

/**
 * Decides an order's next state. Duplicates and events in any order are normal; an end state is left only by COMPLETED
 * → CANCELLED. If nothing changes, the state is the very same object (and the order's history still gets the step).
 * @throws {ContradictingEvent}
 */
export function decide(state: Order, input: OrderInput, now: Date): Decision {
  switch (state.status) {
    case 'PENDING':
      return decidePending(state, input, now);
    case 'COMPLETED':
      return decideCompleted(state, input);
    case 'CANCELLED':
      return decideCancelled(state, input, now);
    default:
      return unreachable(state);
  }
}

function decidePending(state: PendingOrder, input: OrderInput, now: Date): Decision {
  switch (input.type) {
    case 'stock-awaited':
      return withoutEvents(state.reservation || state.awaitsStock ? state : { ...state, awaitsStock: true });
    case 'stock-reserved': {
      if (state.reservation) return withoutEvents(state);
      const { lines, totalAmount } = input.data;
      return completeIfKnown({ ...state, awaitsStock: false, reservation: { lines, totalAmount } }, input, now);
    }
    case 'payment-completed': {
      if (state.payment) return withoutEvents(state);
      const { paidAmount, discountAmount } = input.data;
      return completeIfKnown({ ...state, payment: { paidAmount, discountAmount } }, input, now);
    }
    case 'coupon-redeemed':
      // The amounts come again with the payment; here the event is only a step of the history.
      assertNames(state, input.data.couponId);
      return withoutEvents(state);
    case 'coupon-rejected':
      assertNames(state, input.data.couponId);
      return cancel(state, input, input.data.reason);
    case 'stock-rejected':
    case 'payment-failed':
      return cancel(state, input, input.data.reason);
    case 'payment-refunded':
      return withoutEvents(state);
    case 'cancel-requested':
      return cancel(state, input, 'ORDER_CANCELLED');
    case 'deadline-checked': {
      const isOver = now.getTime() - state.createdAt.getTime() >= input.deadlineMs;
      return isOver ? cancel(state, input, 'ORDER_DEADLINE_EXCEEDED') : withoutEvents(state);
    }
    default:
      return unreachable(input);
  }
}

function decideCompleted(state: CompletedOrder, input: OrderInput): Decision {
  switch (input.type) {
    case 'stock-awaited':
    case 'stock-reserved':
    case 'payment-completed':
    case 'payment-refunded':
    case 'deadline-checked':
      return withoutEvents(state);
    case 'coupon-redeemed':
      assertNames(state, input.data.couponId);
      return withoutEvents(state);
    case 'stock-rejected':
    case 'coupon-rejected':
    case 'payment-failed':
      throw new ContradictingEvent(`${input.type} (${input.data.reason}) for the completed order ${state.orderId}`);
    case 'cancel-requested':
      return cancel(state, input, 'ORDER_CANCELLED');
    default:
      return unreachable(input);
  }
}

/**
 * The event's publisher hears the cancellation too, and undoes its own part: a payment that comes now is given back by
 * payment, on order-cancelled. The order only notes it, so that its user sees what is still to come back.
 */
function decideCancelled(state: CancelledOrder, input: OrderInput, now: Date): Decision {
  switch (input.type) {
    case 'payment-completed': {
      if (state.payment) return withoutEvents(state);
      const { paidAmount, discountAmount } = input.data;
      return withoutEvents({ ...state, payment: { paidAmount, discountAmount } });
    }
    case 'payment-refunded':
      return withoutEvents(state.refundedAt ? state : { ...state, refundedAt: now });
    default:
      return withoutEvents(state);
  }
}

function withoutEvents(state: Order): Decision {
  return { state, events: [] };
}

function completeIfKnown(state: PendingOrder, input: SagaEvent, now: Date): Decision {
  const { reservation, payment } = state;
  if (!reservation || !payment) return withoutEvents(state);
  assertPaidInFull(state, reservation, payment);
  const completed: CompletedOrder = { ...state, status: 'COMPLETED', reservation, payment, completedAt: now };
  const data: EventDataByType['order-completed'] = {
    orderId: state.orderId,
    userId: state.userId,
    couponId: state.couponId,
    lines: reservation.lines,
    totalAmount: reservation.totalAmount,
    discountAmount: payment.discountAmount,
    paidAmount: payment.paidAmount,
    completedAt: now.getTime(),
    steps: stepsWith(state, input),
  };
  return { state: completed, events: [{ type: 'order-completed', data }] };
}

function assertPaidInFull({ orderId, couponId }: Order, { totalAmount }: Reservation, payment: Payment): void {
  const { paidAmount, discountAmount } = payment;
  if (paidAmount + discountAmount !== totalAmount) {
    throw new ContradictingEvent(
      `order ${orderId} was reserved at ${totalAmount} won, but ${paidAmount} paid and ${discountAmount} discounted`,
    );
  }
  if (discountAmount > 0 && couponId === null) {
    throw new ContradictingEvent(`order ${orderId} names no coupon, but ${discountAmount} won were discounted`);
  }
}

function assertNames({ orderId, couponId }: Order, heardOf: string): void {
  if (couponId === heardOf) return;
  throw new ContradictingEvent(`order ${orderId} names ${couponId ?? 'no coupon'}, not the coupon ${heardOf}`);
}

/** The steps of the order's history, this event's among them. */
function stepsWith({ steps }: Order, input: OrderInput): readonly string[] | null {
  return steps && 'data' in input ? [...steps, input.type] : steps;
}

function cancel(state: PendingOrder | CompletedOrder, input: OrderInput, reason: string): Decision {
  const completedAt = state.status === 'COMPLETED' ? state.completedAt : null;
  const request = input.type === 'cancel-requested' ? input.request : undefined;
  const end = { status: 'CANCELLED', completedAt, refundedAt: null, reason } as const;
  const cancelled: CancelledOrder = { ...state, ...end, awaitsStock: false };
  const data: EventDataByType['order-cancelled'] = {
    orderId: state.orderId,
    userId: state.userId,
    couponId: state.couponId,
    reason,
    wasCompleted: completedAt !== null,
    completedAt: completedAt?.getTime() ?? null,
    lines: state.lines,
    steps: stepsWith(state, input),
    requestId: request?.requestId ?? null,
    ...keyFields(request),
  };
  return { state: cancelled, events: [{ type: 'order-cancelled', data }] };
}
