import { expect, it } from '@jest/globals';
import { type OrderRow, toOrder } from './order-rows.ts';

const AT = new Date('2026-01-31T09:00:00.000Z');

const row: OrderRow = {
  ...{ order_id: 'o', user_id: 7, coupon_id: null, status: 'PENDING', reason: null, expected_total: null },
  ...{ total_amount: null, discount_amount: null, paid_amount: null, awaits_stock: 0, traceparent: null },
  ...{ created_at: AT, updated_at: AT, completed_at: null, refunded_at: null },
  ...{ version: 2, steps: 'order-created,stock-reserved' },
};

it('when an instance of an older release has counted a step that it did not name, then no steps are known', () => {
  expect(toOrder(row, []).steps).toEqual(['order-created', 'stock-reserved']);
  expect(toOrder({ ...row, steps: 'order-created' }, []).steps).toBeNull();
  expect(toOrder({ ...row, steps: null }, []).steps).toBeNull();
});
