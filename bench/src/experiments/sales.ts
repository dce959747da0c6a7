import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { insertRows, type PooledDatabase, type SqlExecutor, type SqlValue } from '@shop/service';
import { seeded } from '../profiles.ts';

const DAY_MS = 86_400_000;
const ZONE_MS = 9 * 3_600_000;
/** Sales end with this business day of Asia/Seoul, complete. */
const LAST_DAY = '2026-01-30';
const ORDERS_A_TRANSACTION = 1_000;
/** One order in so many is cancelled. */
const CANCELLED_ONE_IN = 10;

export interface Sale {
  readonly orderId: string;
  readonly userId: number;
  /** UTC. */
  readonly at: Date;
  readonly completed: boolean;
  readonly lines: readonly { readonly productId: number; readonly quantity: number }[];
}

export interface SalesSize {
  readonly orders: number;
  readonly products: number;
  readonly days: number;
}

/** The same orders for the same size, in the order of time: one to three lines, few products that sell much and many that sell little. */
export function* sales({ orders, products, days }: SalesSize): Generator<Sale> {
  const random = seeded(orders);
  const end = endOfDay(LAST_DAY).getTime();
  for (let n = 0; n < orders; n++) {
    const at = new Date(end - Math.floor((days * DAY_MS * (orders - n)) / orders));
    const chosen = new Map<number, number>();
    const wanted = Math.min(products, 1 + Math.floor(random() * 3));
    while (chosen.size < wanted) chosen.set(drawProduct(products, random()), 1 + Math.floor(random() * 3));
    yield {
      orderId: orderIdOf(at, n),
      userId: 1 + Math.floor(random() * 10_000),
      at,
      completed: n % CANCELLED_ONE_IN !== 0,
      lines: [...chosen].map(([productId, quantity]) => ({ productId, quantity })),
    };
  }
}

/** Small numbers are drawn much more often. */
export function drawProduct(products: number, random: number): number {
  return 1 + Math.floor(products * random ** 2);
}

/** A UUID with the time in front, as the shop's are. */
export function orderIdOf(at: Date, n: number): string {
  const time = at.getTime().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** The business days of the window (the last `count`), oldest first, and its bounds in UTC. */
export function lastDays(count: number): { days: string[]; from: Date; to: Date } {
  const to = endOfDay(LAST_DAY);
  const days = Array.from({ length: count }, (_, index) =>
    businessDay(new Date(to.getTime() - (count - index) * DAY_MS)),
  );
  return { days, from: new Date(to.getTime() - count * DAY_MS), to };
}

export function businessDay(at: Date): string {
  return new Date(at.getTime() + ZONE_MS).toISOString().slice(0, 10);
}

function endOfDay(day: string): Date {
  return new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS - ZONE_MS);
}

/** A table as a service's migrations make it. */
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

/** Orders and their lines into the order service's tables, as they are once they have ended. @returns the lines */
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

export function orderRow({ orderId, userId, at, completed, lines }: Sale): SqlValue[] {
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

/** Lines of completed orders in a table of their own: when it was ordered, what, how many. */
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

/** Quantities sold by business day and product, added to what is there. */
export function addDaily(tx: SqlExecutor, totals: ReadonlyMap<string, number>): Promise<number> {
  const now = new Date();
  // In the order of the key: two that write the same rows wait for each other, never in a circle.
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

/** `yyyy-mm-dd product` → pieces sold. */
export function dailyTotals(all: Iterable<Sale>): Map<string, number> {
  const totals = new Map<string, number>();
  for (const { completed, at, lines } of all) {
    if (!completed) continue;
    const day = businessDay(at);
    for (const { productId, quantity } of lines) {
      const key = `${day} ${productId}`;
      totals.set(key, (totals.get(key) ?? 0) + quantity);
    }
  }
  return totals;
}

export interface Popular {
  readonly productId: number;
  readonly sold: number;
}

/** The best sold of some days, from the totals: what every way must answer. */
export function popularOf(totals: ReadonlyMap<string, number>, days: readonly string[], limit = 5): Popular[] {
  const sold = new Map<number, number>();
  for (const [key, quantity] of totals) {
    if (!days.includes(key.slice(0, 10))) continue;
    const productId = Number(key.slice(11));
    sold.set(productId, (sold.get(productId) ?? 0) + quantity);
  }
  return [...sold]
    .map(([productId, quantity]) => ({ productId, sold: quantity }))
    .sort((a, b) => b.sold - a.sold || a.productId - b.productId)
    .slice(0, limit);
}

export function* inBatches<T>(all: Iterable<T>, size = ORDERS_A_TRANSACTION): Generator<T[]> {
  let batch: T[] = [];
  for (const each of all) {
    batch.push(each);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}
