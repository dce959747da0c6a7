import { expect, it } from '@jest/globals';
import { PROBLEMS } from '../problems.ts';
import type { OrderView } from '../usecases/order-view.ts';
import { answerFor } from './answer.ts';

function view(status: OrderView['status'], reason?: string): OrderView {
  const now = new Date();
  const amounts = { totalAmount: null, discountAmount: null, paidAmount: null };
  const times = { createdAt: now, updatedAt: now };
  return { orderId: 'a', userId: 7, status, items: [], ...amounts, ...(reason ? { reason } : {}), ...times };
}

it('when an order has completed or is pending, then the answer is the order', () => {
  expect(answerFor(view('COMPLETED'))).toMatchObject({ status: 201, order: { status: 'COMPLETED' } });
  expect(answerFor(view('PENDING'))).toMatchObject({ status: 202, order: { status: 'PENDING' } });
});

it.each([
  ['INSUFFICIENT_BALANCE', 'INSUFFICIENT_BALANCE', 402],
  ['PRODUCT_NOT_FOUND', 'PRODUCT_NOT_FOUND', 404],
  ['COUPON_NOT_FOUND', 'COUPON_NOT_FOUND', 404],
  ['COUPON_ALREADY_USED', 'COUPON_ALREADY_USED', 409],
  ['COUPON_EXPIRED', 'COUPON_EXPIRED', 409],
  ['COUPON_REVOKED', 'COUPON_REVOKED', 409],
  ['PRODUCT_WITHDRAWN', 'PRODUCT_WITHDRAWN', 409],
  ['OUT_OF_STOCK', 'OUT_OF_STOCK', 409],
  ['PRICE_CHANGED', 'PRICE_CHANGED', 409],
  ['ORDER_CANCELLED', 'ORDER_CANCELLED', 409],
  ['ORDER_DEADLINE_EXCEEDED', 'ORDER_DEADLINE_EXCEEDED', 503],
  ['A_LATER_ADDITION', 'ORDER_CANCELLED', 409],
  ['toString', 'ORDER_CANCELLED', 409],
] as const)(
  'when an order was cancelled for %s, then the answer is the problem %s (%i) with the order',
  (reason, code, status) => {
    const order = view('CANCELLED', reason);
    expect(() => answerFor(order)).toThrow(expect.objectContaining({ code, extra: { orderId: 'a', order } }));
    expect(PROBLEMS[code].status).toBe(status);
  },
);

it('when the deadline ends an order that was paid, then the answer does not say that nothing was charged', () => {
  const refund = { status: 'PENDING', amount: 100 } as const;
  const order = { ...view('CANCELLED', 'ORDER_DEADLINE_EXCEEDED'), paidAmount: 100, refund };
  const detail = expect.stringMatching(/points that were taken for it come back/);
  expect(() => answerFor(order)).toThrow(expect.objectContaining({ detail, extra: { orderId: 'a', order } }));
});
