import { changed, NOTHING, runDecisions, type SagaTable } from '../../../test/support/saga-table.ts';
import { decide, type OrderInput } from '../src/domain/decide.ts';
import type {
  CancelledOrder,
  CompletedOrder,
  Order,
  OrderDetails,
  Payment,
  PendingOrder,
  Reservation,
} from '../src/domain/order.ts';

/**
 * Examples for the tests: one order of two lines, 2 × 1,000 + 1 × 500 won, and a coupon of 500, in every possible
 * state.
 */
export const ORDER_ID = '01890000-0000-7000-8000-000000000001';
export const COUPON_ID = '01890000-0000-7000-9000-000000000001';
export const CREATED = new Date('2026-01-01T00:00:00.000Z');
export const LATER = new Date('2026-01-01T00:00:05.000Z');
export const DEADLINE_MS = 30_000;
/** The details of an order whose client named none. */
export const NO_DETAILS: OrderDetails = { couponId: null, expectedTotal: null };

export const reservation: Reservation = {
  lines: [
    { productId: 1, quantity: 2, name: 'Pen', unitPrice: 1_000 },
    { productId: 2, quantity: 1, name: 'Ink', unitPrice: 500 },
  ],
  totalAmount: 2_500,
};
export const payment: Payment = { paidAmount: 2_000, discountAmount: 500 };

const base = {
  orderId: ORDER_ID,
  userId: 7,
  ...NO_DETAILS,
  couponId: COUPON_ID,
  lines: [
    { productId: 1, quantity: 2 },
    { productId: 2, quantity: 1 },
  ],
  traceparent: null,
  createdAt: CREATED,
  updatedAt: CREATED,
  version: 1,
  steps: null,
  awaitsStock: false,
};

export function pending(parts: Partial<PendingOrder> = {}): PendingOrder {
  return { ...base, status: 'PENDING', reservation: null, payment: null, ...parts };
}

export function completed(parts: Partial<CompletedOrder> = {}): CompletedOrder {
  return { ...base, status: 'COMPLETED', reservation, payment, completedAt: LATER, ...parts };
}

function cancelled(parts: Partial<CancelledOrder> = {}): CancelledOrder {
  return {
    ...base,
    status: 'CANCELLED',
    reservation: null,
    payment: null,
    completedAt: null,
    refundedAt: null,
    reason: 'OUT_OF_STOCK',
    ...parts,
  };
}

export const states = {
  'pending, knows nothing': pending(),
  'pending, waits for stock': pending({ awaitsStock: true }),
  'pending, reserved': pending({ reservation }),
  'pending, paid': pending({ payment }),
  completed: completed(),
  'cancelled while pending': cancelled(),
  'cancelled while reserved': cancelled({ reservation, reason: 'INSUFFICIENT_BALANCE' }),
  'cancelled after completion': cancelled({ reservation, payment, completedAt: LATER, reason: 'ORDER_CANCELLED' }),
} satisfies Record<string, Order>;

const ids = { orderId: ORDER_ID, userId: 7 };

/** Every input, once. */
export const inputs = {
  'stock-awaited': {
    type: 'stock-awaited',
    data: { ...ids, reason: 'PIECES_HELD', productId: 1, couponId: null, lines: null, expectedTotal: null },
  },
  'stock-reserved': { type: 'stock-reserved', data: { ...ids, couponId: COUPON_ID, ...reservation } },
  'stock-rejected': {
    type: 'stock-rejected',
    data: { ...ids, reason: 'OUT_OF_STOCK', productId: 1, totalAmount: null, couponId: null },
  },
  'coupon-redeemed': {
    type: 'coupon-redeemed',
    data: {
      ...{ ...ids, couponId: COUPON_ID, totalAmount: 2_500, discountAmount: 500, payableAmount: 2_000 },
      redeemedAt: null,
    },
  },
  'coupon-rejected': { type: 'coupon-rejected', data: { ...ids, couponId: COUPON_ID, reason: 'COUPON_EXPIRED' } },
  'payment-completed': { type: 'payment-completed', data: { ...ids, ...payment, balanceAfter: 0 } },
  'payment-failed': {
    type: 'payment-failed',
    data: { ...ids, reason: 'INSUFFICIENT_BALANCE', payableAmount: 2_000, balance: 100 },
  },
  'payment-refunded': { type: 'payment-refunded', data: { ...ids, amount: 2_000, balanceAfter: 2_000 } },
  'cancel-requested': { type: 'cancel-requested' },
  'deadline-checked': { type: 'deadline-checked', deadlineMs: DEADLINE_MS },
} satisfies { [T in OrderInput['type']]: Extract<OrderInput, { type: T }> };

/** This service's answer in every state to every input, for the saga's page. */
export function sagaTable(): SagaTable {
  const now = new Date(CREATED.getTime() + DEADLINE_MS);
  const { 'deadline-checked': overdue, ...heard } = inputs;
  const all = {
    ...heard,
    'deadline-checked, not over': { ...overdue, deadlineMs: 2 * DEADLINE_MS },
    'deadline-checked, over': overdue,
  };
  return runDecisions(
    { keeps: 'order', files: ['domain/decide.ts', 'usecases/advance-orders.ts'] },
    states,
    all,
    (state, input) => {
      const decided = decide(state, input, now);
      return decided.state === state ? NOTHING : changed(decided.state.status, decided.events);
    },
  );
}
