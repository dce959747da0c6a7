import type { Metrics, Transaction } from '@shop/chassis';
import { endedInLine, type Order } from '../domain/order.ts';
import type { OrderWaits } from './order-waits.ts';
import type { OrderWatches } from './order-watches.ts';
import type { OrderDeps } from './ports.ts';

interface Dependencies {
  readonly waits: Pick<OrderWaits, 'wake'>;
  readonly watches: Pick<OrderWatches, 'wake'>;
  readonly metrics: Metrics;
}

function isRefunded(order: Order): boolean {
  return order.status === 'CANCELLED' && order.refundedAt !== null;
}

/**
 * Registers, in a transaction that changes orders, what follows the commit: followers of the orders are told, requests
 * that wait for an order's end or refund are woken, and ends are counted.
 */
export function createTellChanges({
  waits,
  watches,
  metrics,
}: Dependencies): Required<Pick<OrderDeps<Transaction>, 'changed' | 'ended'>> {
  const countEnd = createEndCounter(metrics);
  const seconds = metrics.histogram('order_saga_duration_seconds', 'From order to end, by end state', ['status']);
  return {
    changed: (tx, orders) =>
      tx.onCommit(() => {
        watches.wake(orders.map(({ orderId }) => orderId));
        waits.wake(orders.filter(isRefunded).map(({ orderId }) => orderId));
      }),
    ended: (tx, orders) =>
      tx.onCommit(() => {
        waits.wake(orders.map((order) => order.orderId));
        for (const order of orders) {
          const { status, createdAt, updatedAt } = order;
          countEnd(order);
          seconds.observe({ status }, Math.max(0, updatedAt.getTime() - createdAt.getTime()) / 1000);
        }
      }),
  };
}

/** `in_line` tells orders that ended while they waited for pieces: a sale of few pieces has many, in good order. */
function createEndCounter(metrics: Metrics): (order: Order) => void {
  const ends = metrics.counter(
    'orders_ended_total',
    'Orders by end state and reason, and whether they waited in line',
    [...(['status', 'reason', 'in_line'] as const)],
  );
  // Series that are there from the beginning show their first orders as an increase.
  ends.inc({ status: 'COMPLETED', reason: '', in_line: 'no' }, 0);
  for (const in_line of ['yes', 'no']) ends.inc({ status: 'CANCELLED', reason: 'ORDER_DEADLINE_EXCEEDED', in_line }, 0);
  return (order) => {
    const isCancelled = order.status === 'CANCELLED';
    const in_line = isCancelled && endedInLine(order) ? 'yes' : 'no';
    ends.inc({ status: order.status, reason: isCancelled ? order.reason : '', in_line });
  };
}
