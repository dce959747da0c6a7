import { placeholders, type SqlExecutor } from '@shop/chassis';
import type { LazyPrisma } from '@shop/chassis/prisma';
import type { Order } from '../domain/order.ts';
import { type ListOrders, type OrderView, viewOf } from '../usecases/order-view.ts';
import type { OrderProgress, OrderStep } from '../usecases/order-watches.ts';
import type { OrderItem, Order as OrderOfPrisma, PrismaClient } from './generated/client.ts';
import { ITEM_COLUMNS, type ItemRow, ORDER_COLUMNS, type OrderRow, toOrder } from './order-rows.ts';

/** Reads the orders of all concurrent requests at once: two statements, on the primary keys of orders and lines. */
export async function readOrders(db: SqlExecutor, orderIds: readonly string[]): Promise<Map<string, OrderView>> {
  const orders = await selectOrders(db, orderIds);
  return new Map([...orders].map(([orderId, order]) => [orderId, viewOf(order)]));
}

/**
 * Lines are read last, so they are never older than their order. Prices of lines are shown only for an order known to
 * be reserved.
 */
async function selectOrders(db: SqlExecutor, orderIds: readonly string[]): Promise<Map<string, Order>> {
  const ids = [...new Set(orderIds)];
  if (ids.length === 0) return new Map();
  const list = placeholders(ids.length);
  const orders = await db.query<OrderRow>(
    `SELECT ${ORDER_COLUMNS.join(', ')} FROM orders WHERE order_id IN (${list})`,
    ids,
  );
  if (orders.length === 0) return new Map();
  const items = await db.query<ItemRow>(
    `SELECT ${ITEM_COLUMNS.join(', ')} FROM order_items
      WHERE order_id IN (${list}) ORDER BY order_id, product_id`,
    ids,
  );
  const itemsOf = Map.groupBy(items, (item) => item.order_id);
  return new Map(orders.map((row) => [row.order_id, toOrder(row, itemsOf.get(row.order_id) ?? [])]));
}

/** Reads orders with their steps. The steps are read first, so an order is never older than its last step. */
export async function readProgress(db: SqlExecutor, orderIds: readonly string[]): Promise<Map<string, OrderProgress>> {
  const ids = [...new Set(orderIds)];
  if (ids.length === 0) return new Map();
  const steps = await db.query<OrderStep & { readonly orderId: string }>(
    `SELECT order_id AS orderId, seq, event_id AS eventId, type, happened_at AS happenedAt FROM order_history
      WHERE order_id IN (${placeholders(ids.length)}) ORDER BY order_id, seq`,
    ids,
  );
  const stepsOf = Map.groupBy(steps, (step) => step.orderId);
  const orders = await selectOrders(db, ids);
  return new Map(
    [...orders].map(([orderId, order]) => [
      orderId,
      { order: viewOf(order), version: order.version, steps: stepsOf.get(orderId) ?? [] },
    ]),
  );
}

/** The number of steps of each order. */
export async function readVersions(db: SqlExecutor, orderIds: readonly string[]): Promise<Map<string, number>> {
  if (orderIds.length === 0) return new Map();
  const rows = await db.query<{ orderId: string; version: number }>(
    `SELECT order_id AS orderId, version FROM orders WHERE order_id IN (${placeholders(orderIds.length)})`,
    orderIds,
  );
  return new Map(rows.map(({ orderId, version }) => [orderId, version]));
}

/** A user's orders by Prisma. Order ids are UUIDv7, so their order is the order of placing. */
export function createListOrders(prisma: LazyPrisma<PrismaClient>): ListOrders {
  return async ({ userId, status, after, limit }) => {
    const orders = await (await prisma()).order.findMany({
      where: { userId, ...(status ? { status } : {}), ...(after ? { orderId: { lt: after } } : {}) },
      include: { items: { orderBy: { productId: 'asc' } } },
      orderBy: { orderId: 'desc' },
      take: limit,
    });
    return orders.map((order) => viewOf(fromPrisma(order)));
  };
}

function fromPrisma({ items, ...order }: OrderOfPrisma & { items: OrderItem[] }): Order {
  return toOrder(
    toColumns<OrderRow>(order, ORDER_COLUMNS),
    items.map((item) => toColumns<ItemRow>(item, ITEM_COLUMNS)),
  );
}

/**
 * Prisma's fields have the names of their columns in camel case, and give a BIGINT as a bigint.
 * @throws when a column has no such field
 */
function toColumns<Row extends object>(fields: object, columns: readonly (keyof Row & string)[]): Row {
  const entries = columns.map((column) => {
    const name = column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (!(name in fields)) throw new Error(`Prisma's model has no field ${name} for the column ${column}`);
    const value = (fields as Readonly<Record<string, unknown>>)[name];
    return [column, typeof value === 'bigint' ? Number(value) : value];
  });
  return Object.fromEntries(entries) as Row;
}
