import { expect, it } from '@jest/globals';
import { COUPON_ID, CREATED, ORDER_ID } from '../../test/examples.ts';
import { place } from './place.ts';

it('when a product is twice in an order, then its lines are merged, in product order', () => {
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
  );
  const lines = [
    { productId: 1, quantity: 4 },
    { productId: 2, quantity: 6 },
  ];
  const data = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID, lines, expectedTotal: 900 };
  expect(order).toMatchObject({ status: 'PENDING', couponId: COUPON_ID, lines, createdAt: CREATED, version: 1 });
  expect(event).toEqual({ type: 'order-created', data, cause: { traceparent: '00-aa-bb-01' } });
  expect(step).toMatchObject({ seq: 1, type: 'order-created', data });
});
