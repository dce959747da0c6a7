import { insertRows, placeholders, type SqlValue, type Transaction } from '@shop/chassis';
import type { Order } from '../domain/order.ts';
import type { OrderStore } from '../usecases/ports.ts';
import { insertSteps } from './history-rows.ts';
import { type ItemRow, ORDER_COLUMNS, type OrderRow, toOrder, toRow } from './order-rows.ts';

/** The sweeper looks only for PENDING orders; (status, created_at) is the index. */
const EXPIRED = `SELECT order_id FROM orders WHERE status = 'PENDING' AND created_at <= ? ORDER BY created_at LIMIT ?`;

/** The columns that a change may update. The others are given only because an INSERT must name them. */
const UPDATE_ORDER = [
  'status',
  'reason',
  'total_amount',
  'discount_amount',
  'paid_amount',
  'version',
  'awaits_stock',
  'updated_at',
  'completed_at',
  'refunded_at',
  'steps',
]
  .map((column) => `${column} = VALUES(${column})`)
  .join(', ');

/** What becomes of orders, in MySQL. A batch of any size is a handful of multi-row statements. */
export const sqlOrderStore: OrderStore<Transaction> = {
  load: (tx, orderIds) => lockOrders(tx, orderIds, ''),

  async loadExpired(tx, createdBefore, limit) {
    const rows = await tx.query<{ order_id: string }>(EXPIRED, [createdBefore, limit]);
    const orderIds = rows.map((row) => row.order_id);
    const locked = await lockOrders(tx, orderIds, 'SKIP LOCKED');
    // An order that ended between the two reads is locked for nothing.
    return new Map([...locked].filter(([, order]) => order.status === 'PENDING'));
  },

  async save(tx, { orders, reserved, steps }) {
    // The rows exist and are locked by this transaction: the INSERT is a multi-row UPDATE.
    await insertRows(tx, 'orders', ORDER_COLUMNS, orders.map(toRow), { onDuplicateUpdate: UPDATE_ORDER });
    if (reserved.length > 0) {
      const columns = ['order_id', 'product_id', 'quantity', 'name', 'unit_price'];
      const prices = 'name = VALUES(name), unit_price = VALUES(unit_price)';
      await insertRows(tx, 'order_items', columns, reserved.flatMap(pricedRows), { onDuplicateUpdate: prices });
    }
    await insertSteps(tx, steps);
  },
};

/**
 * Locks in primary-key order, whatever the order of the ids: two batches that share orders then wait for each other
 * instead of deadlocking. FORCE INDEX keeps the optimiser from scanning, and locking, other rows.
 */
async function lockOrders(
  tx: Transaction,
  orderIds: readonly string[],
  others: '' | 'SKIP LOCKED',
): Promise<ReadonlyMap<string, Order>> {
  if (orderIds.length === 0) return new Map();
  const ids = placeholders(orderIds.length);
  const [rows, items] = await Promise.all([
    tx.query<OrderRow>(
      `SELECT ${ORDER_COLUMNS.join(', ')} FROM orders FORCE INDEX (PRIMARY)
        WHERE order_id IN (${ids}) ORDER BY order_id FOR UPDATE ${others}`,
      orderIds,
    ),
    // Sent right behind the lock and run after it. It only reads, so nothing is lost should the lock have failed.
    tx.query<ItemRow>(
      `SELECT order_id, product_id, quantity, name, unit_price FROM order_items
        WHERE order_id IN (${ids}) ORDER BY order_id, product_id`,
      orderIds,
    ),
  ]);
  const itemsOf = Map.groupBy(items, (item) => item.order_id);
  return new Map(rows.map((row) => [row.order_id, toOrder(row, itemsOf.get(row.order_id) ?? [])]));
}

function pricedRows(order: Order): SqlValue[][] {
  const lines = order.reservation?.lines ?? [];
  return lines.map((line) => [order.orderId, line.productId, line.quantity, line.name, line.unitPrice]);
}
