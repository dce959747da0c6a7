import type { Metrics, Transaction } from '@shop/chassis';
import type { Order } from '../domain/order.ts';
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
  const ends = metrics.counter('orders_ended_total', 'Orders by end state and reason', ['status', 'reason']);
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
          ends.inc({ status, reason: order.status === 'CANCELLED' ? order.reason : '' });
          seconds.observe({ status }, Math.max(0, updatedAt.getTime() - createdAt.getTime()) / 1000);
        }
      }),
  };
}
