import { expect, it } from '@jest/globals';
import { createMetrics, type Transaction } from '@shop/chassis';
import type { CancelledOrder } from '../domain/order.ts';
import { createTellChanges } from './tell-changes.ts';

const EXPIRED: CancelledOrder = {
  ...{ orderId: 'o', userId: 1, couponId: null, expectedTotal: null, lines: [], traceparent: null },
  ...{ createdAt: new Date(0), updatedAt: new Date(30_000), version: 3, steps: ['order-created'], awaitsStock: false },
  ...{ status: 'CANCELLED', reservation: null, payment: null, completedAt: null, refundedAt: null },
  reason: 'ORDER_DEADLINE_EXCEEDED',
};

function counted() {
  const metrics = createMetrics({ defaults: false });
  const { ended } = createTellChanges({ metrics, waits: { wake() {} }, watches: { wake() {} } });
  const tx = { onCommit: (then: () => void) => then() } as Transaction;
  const count = async (in_line: string) => {
    const { values = [] } = (await metrics.registry.getSingleMetric('orders_ended_total')?.get()) ?? {};
    return values.find(({ labels }) => labels.reason === EXPIRED.reason && labels.in_line === in_line)?.value;
  };
  return { end: (order: CancelledOrder) => ended(tx, [order]), count };
}

it('when no order has ended yet, then the count of those past their deadline is there, so that the first shows', async () => {
  const { count } = counted();
  expect([await count('yes'), await count('no')]).toEqual([0, 0]);
});

it('when an order ends by its deadline, then it is told whether it waited in line for pieces', async () => {
  const { end, count } = counted();
  end(EXPIRED);
  end({ ...EXPIRED, steps: ['order-created', 'stock-awaited'] });
  end({
    ...EXPIRED,
    steps: ['order-created', 'stock-awaited', 'stock-reserved'],
    reservation: { lines: [], totalAmount: 1 },
  });
  end({ ...EXPIRED, steps: null });
  expect([await count('yes'), await count('no')]).toEqual([1, 3]);
});
