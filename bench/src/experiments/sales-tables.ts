import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { insertRows, type PooledDatabase, type SqlExecutor, type SqlValue } from '@shop/chassis';
import { inBatches, type Sale } from './sales.ts';

/** Creates a table as in a service's migrations. */
export async function createServiceTable(database: PooledDatabase, service: string, table: string): Promise<void> {
  const folder = resolve(import.meta.dirname, '../../../services', service, 'prisma/migrations');
  const scripts = readdirSync(folder)
    .sort()
    .map((name) => readFileSync(resolve(folder, name, 'migration.sql'), 'utf8'));
  const statement = new RegExp(`^CREATE TABLE ${table} \\([\\s\\S]*?^\\) ENGINE = InnoDB;`, 'm').exec(
    scripts.join('\n'),
  );
  if (!statement) throw new Error(`no migration of ${service} makes the table ${table}`);
  await database.execute(statement[0].slice(0, -1));
}

const ORDER_COLUMNS = [
  ...['order_id', 'user_id', 'status', 'total_amount', 'discount_amount', 'paid_amount'],
  ...['version', 'created_at', 'updated_at', 'completed_at'],
];
const ITEM_COLUMNS = ['order_id', 'product_id', 'quantity', 'name', 'unit_price'];

/** Writes ended orders and their lines into the order service's tables. @returns the number of lines */
export async function loadOrders(database: PooledDatabase, all: Iterable<Sale>): Promise<number> {
  let lines = 0;
  for (const batch of inBatches(all)) {
    await database.transaction(async (tx) => {
      await insertRows(tx, 'orders', ORDER_COLUMNS, batch.map(orderRow));
      await insertRows(tx, 'order_items', ITEM_COLUMNS, batch.flatMap(itemRows));
    });
    lines += batch.reduce((sum, sale) => sum + sale.lines.length, 0);
  }
  return lines;
}

function orderRow({ orderId, userId, at, completed, lines }: Sale): SqlValue[] {
  const total = lines.reduce((sum, line) => sum + line.quantity * 1_000, 0);
  return completed
    ? [orderId, userId, 'COMPLETED', total, 0, total, 3, at, at, at]
    : [orderId, userId, 'CANCELLED', total, 0, null, 3, at, at, null];
}

export function pendingOrderRow({ orderId, userId, at }: Sale): SqlValue[] {
  return [orderId, userId, 'PENDING', null, null, null, 1, at, at, null];
}

export const insertOrders = (tx: SqlExecutor, rows: readonly SqlValue[][]) =>
  insertRows(tx, 'orders', ORDER_COLUMNS, rows);
export const insertItems = (tx: SqlExecutor, batch: readonly Sale[]) =>
  insertRows(tx, 'order_items', ITEM_COLUMNS, batch.flatMap(itemRows));

function itemRows({ orderId, lines }: Sale): SqlValue[][] {
  return lines.map(({ productId, quantity }) => [orderId, productId, quantity, `Product ${productId}`, 1_000]);
}

/** Lines of completed orders in a separate table: time, product, quantity. */
export const LINES_TABLE = `CREATE TABLE sale_lines (
  order_id   CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  product_id BIGINT NOT NULL,
  quantity   INT NOT NULL,
  ordered_at DATETIME(3) NOT NULL,
  PRIMARY KEY (order_id, product_id)
) ENGINE = InnoDB`;
export const LINES_INDEX = 'CREATE INDEX sale_lines_popular ON sale_lines (ordered_at, product_id, quantity)';

export const insertLines = (tx: SqlExecutor, batch: readonly Sale[]) =>
  insertRows(
    tx,
    'sale_lines',
    ['order_id', 'product_id', 'quantity', 'ordered_at'],
    batch
      .filter(({ completed }) => completed)
      .flatMap(({ orderId, at, lines }) =>
        lines.map(({ productId, quantity }) => [orderId, productId, quantity, at] as SqlValue[]),
      ),
  );

/** Adds quantities sold by business day and product to the existing totals. */
export function addDaily(tx: SqlExecutor, totals: ReadonlyMap<string, number>): Promise<number> {
  const now = new Date();
  // In key order: two writers of the same rows wait for each other, but never in a circle.
  const rows = [...totals]
    .map(([key, quantity]) => ({ day: key.slice(0, 10), productId: Number(key.slice(11)), quantity }))
    .sort((a, b) => (a.day === b.day ? a.productId - b.productId : a.day < b.day ? -1 : 1))
    .map(({ day, productId, quantity }): SqlValue[] => [1, day, productId, quantity, 1, now]);
  return insertRows(
    tx,
    'daily_product_sales',
    ['generation', 'business_day', 'product_id', 'quantity', 'version', 'updated_at'],
    rows,
    {
      onDuplicateUpdate:
        'quantity = quantity + VALUES(quantity), version = version + 1, updated_at = VALUES(updated_at)',
    },
  );
}
