import { expect, it } from '@jest/globals';
import { COUPON_ID, CREATED, ORDER_ID } from '../../test/examples.ts';
import { place } from './place.ts';

it('when a product is twice in an order, then its lines are merged, in product order, and only the event tells the key', () => {
  const { order, event, step } = place(
    {
      orderId: ORDER_ID,
      userId: 7,
      couponId: COUPON_ID,
      lines: [
        { productId: 2, quantity: 1 },
        { productId: 1, quantity: 4 },
        { productId: 2, quantity: 5 },
      ],
      expectedTotal: 900,
      traceparent: '00-aa-bb-01',
    },
    CREATED,
    { key: 'k', requestHash: 'h' },
  );
  const lines = [
    { productId: 1, quantity: 4 },
    { productId: 2, quantity: 6 },
  ];
  const details = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID, lines, expectedTotal: 900 };
  const data = { ...details, createdAt: CREATED.getTime() };
  expect(order).toMatchObject({ status: 'PENDING', couponId: COUPON_ID, lines, createdAt: CREATED, version: 1 });
  const key = { idempotencyKey: 'k', requestHash: 'h' };
  expect(event).toEqual({ type: 'order-created', data: { ...data, ...key }, cause: { traceparent: '00-aa-bb-01' } });
  expect({ ...step }).toEqual({ orderId: ORDER_ID, seq: 1, eventId: null, type: 'order-created', data, at: CREATED });
});
