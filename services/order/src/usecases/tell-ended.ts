import type { Metrics, Transaction } from '@shop/chassis';
import type { Order } from '../domain/order.ts';
import type { OrderWaits } from './order-waits.ts';

/**
 * What happens in this process once orders have ended and that is committed: who waits is woken, and it is measured.
 */
export function createTellEnded({ waits, metrics }: { waits: Pick<OrderWaits, 'wake'>; metrics: Metrics }) {
  const ends = metrics.counter('orders_ended_total', 'Orders by end state and reason', ['status', 'reason']);
  const seconds = metrics.histogram('order_saga_duration_seconds', 'From order to end, by end state', ['status']);
  return (tx: Transaction, orders: readonly Order[]): void =>
    tx.onCommit(() => {
      waits.wake(orders.map((order) => order.orderId));
      for (const order of orders) {
        const { status, createdAt, updatedAt } = order;
        ends.inc({ status, reason: order.status === 'CANCELLED' ? order.reason : '' });
        seconds.observe({ status }, Math.max(0, updatedAt.getTime() - createdAt.getTime()) / 1000);
      }
    });
}
