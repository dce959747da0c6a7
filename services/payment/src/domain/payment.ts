import { unreachable } from '@shop/chassis/unreachable';
import type { EventDataByType, NewEvent, ReceivedEvent } from '@shop/events';

/** The order events that payment consumes. */
export type SagaEvent = ReceivedEvent<'stock-reserved' | 'coupon-redeemed' | 'order-cancelled'>;

interface OfOrder {
  readonly orderId: string;
  readonly userId: number;
}

/** Points were taken (COMPLETED) and possibly given back (REFUNDED). Amounts in won; a payment may be 0. */
export interface CapturedPayment extends OfOrder {
  readonly status: 'COMPLETED' | 'REFUNDED';
  readonly paidAmount: number;
  readonly discountAmount: number;
}

/** Points were never taken: too few (FAILED), or cancelled before the amount was known (VOID). */
export interface EmptyPayment extends OfOrder {
  readonly status: 'FAILED' | 'VOID';
  readonly reason: string;
}

/** Payment's record of one order; undefined until an event of the order arrives. */
export type Payment = CapturedPayment | EmptyPayment;

/** A line of an account's history. `amount` ≥ 0 in won; the type gives its sign: USE takes, CHARGE and REFUND give. */
export interface PointEntry {
  readonly userId: number;
  readonly type: 'CHARGE' | 'USE' | 'REFUND';
  readonly amount: number;
  readonly balanceAfter: number;
  readonly orderId: string | null;
  /** The random id of a charge's request, also the id of its event. */
  readonly requestId: string | null;
}

/** The state that one event is decided on, all locked. The balance is the user's; 0 without an account. */
export interface PaymentState {
  readonly payment: Payment | undefined;
  readonly balance: number;
}

/** The changes of a decision; none if `payment` is absent. */
export interface Decision {
  readonly payment?: Payment;
  readonly balance: number;
  readonly entries: readonly PointEntry[];
  readonly events: readonly NewEvent[];
}

/** Decides one event of one order. */
export function decide(state: PaymentState, event: SagaEvent): Decision {
  const nothing: Decision = { balance: state.balance, entries: [], events: [] };
  switch (event.type) {
    case 'stock-reserved':
      // With a coupon the amount is not known yet: it comes with coupon-redeemed.
      if (event.data.couponId !== null) return nothing;
      // An existing row means that the event was decided before, or that the cancellation came first (VOID).
      if (state.payment) return nothing;
      return capture(state.balance, event.data, event.data.totalAmount, 0);
    case 'coupon-redeemed':
      if (state.payment) return nothing;
      return capture(state.balance, event.data, event.data.payableAmount, event.data.discountAmount);
    case 'order-cancelled':
      return refund(state, event.data) ?? nothing;
    default:
      return unreachable(event);
  }
}

/** Takes `payable` points once, or fails and takes nothing. */
function capture(balance: number, { orderId, userId }: OfOrder, payable: number, discountAmount: number): Decision {
  if (!Number.isSafeInteger(payable) || payable < 0) throw new Error(`order ${orderId} would pay ${payable}`);
  if (balance < payable) {
    const reason = 'INSUFFICIENT_BALANCE';
    return {
      payment: { status: 'FAILED', orderId, userId, reason },
      balance,
      entries: [],
      events: [paymentFailed({ orderId, userId, reason }, payable, balance)],
    };
  }
  const balanceAfter = balance - payable;
  return {
    payment: { status: 'COMPLETED', orderId, userId, paidAmount: payable, discountAmount },
    balance: balanceAfter,
    entries: [{ userId, type: 'USE', amount: payable, balanceAfter, orderId, requestId: null }],
    events: [paymentCompleted({ orderId, userId, paidAmount: payable, discountAmount }, balanceAfter)],
  };
}

/**
 * Gives the taken points back, once. The balance limit applies to charges only: a full account never keeps a refund
 * out.
 */
function refund({ payment, balance }: PaymentState, order: EventDataByType['order-cancelled']): Decision | undefined {
  const { orderId, userId, reason } = order;
  switch (payment?.status) {
    case undefined:
      return { payment: { status: 'VOID', orderId, userId, reason }, balance, entries: [], events: [] };
    case 'COMPLETED': {
      const amount = payment.paidAmount;
      const balanceAfter = balance + amount;
      return {
        payment: { ...payment, status: 'REFUNDED' },
        balance: balanceAfter,
        entries: [{ userId: payment.userId, type: 'REFUND', amount, balanceAfter, orderId, requestId: null }],
        events: [paymentRefunded(payment.orderId, payment.userId, amount, balanceAfter)],
      };
    }
    case 'REFUNDED':
    case 'FAILED':
    case 'VOID':
      return undefined;
    default:
      return unreachable(payment);
  }
}

/** The event of points that were taken, whatever became of them since. */
export function paymentCompleted(
  { orderId, userId, paidAmount, discountAmount }: Omit<CapturedPayment, 'status'>,
  balanceAfter: number,
): NewEvent {
  return { type: 'payment-completed', data: { orderId, userId, paidAmount, discountAmount, balanceAfter } };
}

/** The event of points that were not taken: `balance` were there, `payableAmount` were wanted. */
export function paymentFailed(
  { orderId, userId, reason }: Omit<EmptyPayment, 'status'>,
  payableAmount: number,
  balance: number,
): NewEvent {
  return { type: 'payment-failed', data: { orderId, userId, reason, payableAmount, balance } };
}

/** The event of points that were given back. */
export function paymentRefunded(orderId: string, userId: number, amount: number, balanceAfter: number): NewEvent {
  return { type: 'payment-refunded', data: { orderId, userId, amount, balanceAfter } };
}
