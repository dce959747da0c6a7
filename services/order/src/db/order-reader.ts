import { placeholders, type SqlExecutor } from '@shop/service';
import { type OrderView, viewOf } from '../usecases/order-view.ts';
import { type ItemRow, ORDER_COLUMNS, type OrderRow, toOrder } from './rows.ts';

/**
 * Reads many orders at once, those of everybody who asks at the moment: two statements, on the primary keys of orders
 * and lines. The lines are read last: they are never older than their order, and lines with prices are only shown for
 * an order that is known to be reserved.
 */
export async function readOrders(db: SqlExecutor, orderIds: readonly string[]): Promise<Map<string, OrderView>> {
  const ids = [...new Set(orderIds)];
  if (ids.length === 0) return new Map();
  const list = placeholders(ids.length);
  const orders = await db.query<OrderRow>(
    `SELECT ${ORDER_COLUMNS.join(', ')} FROM orders WHERE order_id IN (${list})`,
    ids,
  );
  if (orders.length === 0) return new Map();
  const items = await db.query<ItemRow>(
    `SELECT order_id, product_id, quantity, name, unit_price FROM order_items
      WHERE order_id IN (${list}) ORDER BY order_id, product_id`,
    ids,
  );
  const itemsOf = Map.groupBy(items, (item) => item.order_id);
  return new Map(orders.map((row) => [row.order_id, viewOf(toOrder(row, itemsOf.get(row.order_id) ?? []))]));
}

export interface OldestPending {
  /** When the oldest PENDING order was created; null when none is PENDING. */
  readonly oldest: Date | null;
  /** The same, so many older ones left out. */
  readonly afterStragglers: Date | null;
}

/** A short look into the index (status, created_at). */
export async function readOldestPending(db: SqlExecutor, stragglers: number): Promise<OldestPending> {
  const rows = await db.query<{ createdAt: Date }>(
    `SELECT created_at AS createdAt FROM orders WHERE status = 'PENDING' ORDER BY created_at LIMIT ?`,
    [stragglers + 1],
  );
  return { oldest: rows[0]?.createdAt ?? null, afterStragglers: rows[stragglers]?.createdAt ?? null };
}
