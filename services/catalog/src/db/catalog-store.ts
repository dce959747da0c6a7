import { insertRows, placeholders, type SqlExecutor, type SqlValue, type Transaction } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { Buyers, Changes, Snapshot, StockSnapshot } from '../domain/batch.ts';
import type { ProductStock, Reservation, ReservedLine, WaitingReservation } from '../domain/states.ts';
import { unpaidKey } from '../domain/waiting.ts';
import type { CatalogStore } from '../usecases/ports.ts';

/**
 * Reservations and stock in MySQL. A batch takes at most seven statements, whatever its size; where orders wait, one
 * more to read them, one to add to them and one to take from them.
 *
 * Lock order, for everything that locks in this schema: idempotency keys, then products by product id, then
 * reservations by order id. A product's lock also guards its line (`waiting_lines`), the reservations of those in it,
 * and what its buyers hold of it: what is read of them without a lock, once the product is locked, cannot change.
 *
 * The primary key is forced: on a small table a scan may look cheaper, but would lock, and wait for, unrelated rows.
 *
 * Reservations without a row are inserted plainly at the end. READ COMMITTED locks no gaps, so a consumer that lost its
 * partition without knowing might insert the same order first. The duplicate-key error then rolls this batch back, and
 * the consumer runs it again on the rows of the other.
 */
export const sqlCatalogStore: CatalogStore<Transaction> = {
  async lockStock(tx, productIds) {
    const products = await lockProducts(tx, productIds);
    const awaited = [...products.values()].filter(({ waiting }) => waiting > 0).map(({ productId }) => productId);
    return { products, line: await readLine(tx, awaited) };
  },

  async loadReservations(tx, orderIds, buyers) {
    if (orderIds.length === 0 && buyers.userIds.length === 0) return { reservations: new Map(), unpaid: new Map() };
    return await lockReservations(tx, orderIds, buyers);
  },

  async save(tx, changes) {
    const { created, changed, priced, products, at } = changes;
    if (created.length > 0) {
      const rows = created.map((it) => reservationRow(it, at, at));
      await insertRows(tx, 'reservations', RESERVATION_COLUMNS, rows);
    }
    const lines = priced.flatMap((it) => it.lines.map((line) => lineRow(it.orderId, line)));
    if (lines.length > 0) await insertRows(tx, 'reservation_lines', LINE_COLUMNS, lines);

    // These rows exist and are locked or guarded, so the upserts below are updates: many rows, one statement.
    if (changed.length > 0) {
      const rows = changed.map((it) => reservationRow(it, at, at));
      await insertRows(tx, 'reservations', RESERVATION_COLUMNS, rows, { onDuplicateUpdate: UPDATE_RESERVATION });
    }
    await moveLine(tx, changes);
    if (products.length > 0) await moveStock(tx, products, at);
  },
};

export const RESERVATION_COLUMNS = [
  'order_id',
  'user_id',
  'coupon_id',
  'status',
  'reason',
  'total_amount',
  'waited',
  'created_at',
  'updated_at',
];
export const UPDATE_RESERVATION = ['status', 'reason', 'total_amount', 'updated_at']
  .map((column) => `${column} = VALUES(${column})`)
  .join(', ');
export const LINE_COLUMNS = ['order_id', 'product_id', 'name', 'unit_price', 'quantity'];

export function reservationRow(it: Reservation, createdAt: Date, updatedAt: Date) {
  const reason = 'reason' in it ? it.reason : null;
  const totalAmount = 'totalAmount' in it ? it.totalAmount : 0;
  return [it.orderId, it.userId, it.couponId, it.status, reason, totalAmount, it.waited ? 1 : 0, createdAt, updatedAt];
}

export function lineRow(orderId: string, line: ReservedLine) {
  return [orderId, line.productId, line.name, line.unitPrice, line.quantity];
}

export interface ReservationRow {
  order_id: string;
  user_id: number;
  coupon_id: string | null;
  status: Reservation['status'];
  reason: string | null;
  total_amount: number;
  waited: number;
  /** Null in rows of reservations; else the row is what a user holds unpaid of this product. */
  product_id: number | null;
  pieces: number;
}

/** One statement: the reservations, locked, and below them the unpaid pieces of the buyers, if any. */
export async function lockReservations(
  tx: Transaction,
  orderIds: readonly string[],
  { userIds, productIds }: Buyers,
): Promise<Pick<Snapshot, 'reservations' | 'unpaid'>> {
  const parts: string[] = [];
  const params: SqlValue[] = [];
  if (orderIds.length > 0) {
    parts.push(`SELECT order_id, user_id, coupon_id, status, reason, total_amount, waited, NULL AS product_id, 0 AS pieces
       FROM reservations FORCE INDEX (PRIMARY) WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id FOR UPDATE`);
    params.push(...orderIds);
  }
  if (userIds.length > 0) {
    parts.push(`SELECT '' AS order_id, r.user_id, NULL AS coupon_id, r.status, NULL AS reason, 0 AS total_amount, 0 AS waited,
              l.product_id, CAST(SUM(l.quantity) AS SIGNED) AS pieces
       FROM reservations r FORCE INDEX (reservations_status) STRAIGHT_JOIN reservation_lines l FORCE INDEX (PRIMARY) ON l.order_id = r.order_id
      WHERE r.status = 'ACTIVE' AND r.user_id IN (${placeholders(userIds.length)}) AND l.product_id IN (${placeholders(productIds.length)})
      GROUP BY r.user_id, l.product_id, r.status`);
    params.push(...userIds, ...productIds);
  }
  const found = await tx.query<ReservationRow>(
    parts.length === 1 ? (parts[0] ?? '') : parts.map((part) => `(${part})`).join(' UNION ALL '),
    params,
  );
  const unpaid = new Map<string, number>();
  for (const { user_id, product_id, pieces } of found)
    if (product_id !== null) unpaid.set(unpaidKey(user_id, product_id), pieces);
  const rows = found.filter((row) => row.product_id === null);
  const withLines = rows.filter((row) => HOLDS_LINES.has(row.status)).map((row) => row.order_id);
  const lines = await readLines(tx, withLines);
  return { unpaid, reservations: new Map(rows.map((row) => [row.order_id, toReservation(row, lines)])) };
}

const HOLDS_LINES: ReadonlySet<Reservation['status']> = new Set(['ACTIVE', 'SOLD', 'RELEASED']);

/** Lines never change and belong to locked reservations, so a plain read is enough. */
export async function readLines(
  tx: Pick<SqlExecutor, 'query'>,
  orderIds: readonly string[],
): Promise<Map<string, ReservedLine[]>> {
  const lines = new Map<string, ReservedLine[]>();
  if (orderIds.length === 0) return lines;
  const rows = await tx.query<ReservedLine & { orderId: string }>(
    `SELECT order_id AS orderId, product_id AS productId, name, unit_price AS unitPrice, quantity
       FROM reservation_lines WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id, product_id`,
    orderIds,
  );
  for (const { orderId, ...line } of rows) {
    const found = lines.get(orderId);
    if (found) found.push(line);
    else lines.set(orderId, [line]);
  }
  return lines;
}

export function toReservation(
  row: Omit<ReservationRow, 'product_id' | 'pieces'>,
  linesOf: ReadonlyMap<string, readonly ReservedLine[]>,
): Reservation {
  const waited = row.waited === 1;
  const order = { orderId: row.order_id, userId: row.user_id, couponId: row.coupon_id, waited };
  const lines = linesOf.get(row.order_id) ?? [];
  switch (row.status) {
    case 'WAITING':
      return { ...order, status: row.status, wants: [], expectedTotal: null };
    case 'ACTIVE':
    case 'SOLD':
      return { ...order, status: row.status, lines, totalAmount: row.total_amount };
    case 'RELEASED':
      return { ...order, status: row.status, lines, totalAmount: row.total_amount, reason: row.reason ?? '' };
    case 'REJECTED':
    case 'VOID':
      return { ...order, status: row.status, reason: row.reason ?? '' };
    default:
      return unreachable(row.status, `reservation ${row.order_id} has an unknown status`);
  }
}

async function lockProducts(tx: Transaction, productIds: readonly number[]): Promise<StockSnapshot['products']> {
  if (productIds.length === 0) return new Map();
  const rows = await tx.query<Omit<ProductStock, 'onSale'> & { readonly onSale: number }>(
    `SELECT product_id AS productId, name, price, available, reserved, sold, waiting, on_sale AS onSale
       FROM products FORCE INDEX (PRIMARY) WHERE product_id IN (${placeholders(productIds.length)}) ORDER BY product_id FOR UPDATE`,
    productIds,
  );
  return new Map(rows.map((row) => [row.productId, { ...row, onSale: row.onSale === 1 }]));
}

interface WaitingRow {
  order_id: string;
  user_id: number;
  coupon_id: string | null;
  product_id: number;
  quantity: number;
  expected_total: number | null;
}

/** Everybody who waits for one of the products, with all that each wants, first come first. */
async function readLine(tx: Transaction, productIds: readonly number[]): Promise<StockSnapshot['line']> {
  const line = new Map<string, WaitingReservation & { wants: { productId: number; quantity: number }[] }>();
  if (productIds.length === 0) return line;
  const rows = await tx.query<WaitingRow>(
    `SELECT w.order_id, r.user_id, r.coupon_id, w.product_id, w.quantity, w.expected_total
       FROM waiting_lines w JOIN reservations r ON r.order_id = w.order_id
      WHERE w.order_id IN (SELECT order_id FROM waiting_lines WHERE product_id IN (${placeholders(productIds.length)}))
      ORDER BY w.place`,
    productIds,
  );
  for (const row of rows) {
    const want = { productId: row.product_id, quantity: row.quantity };
    const found = line.get(row.order_id);
    if (found) found.wants.push(want);
    else {
      const order = { orderId: row.order_id, userId: row.user_id, couponId: row.coupon_id, waited: true };
      line.set(row.order_id, { ...order, status: 'WAITING', wants: [want], expectedTotal: row.expected_total });
    }
  }
  return line;
}

/** The places are drawn under the products' locks: their order is that in which the orders came. */
export async function moveLine(tx: Transaction, { joined, left }: Pick<Changes, 'joined' | 'left'>): Promise<void> {
  const places = joined.flatMap(({ orderId, wants, expectedTotal }) =>
    wants.map(({ productId, quantity }) => [orderId, productId, quantity, expectedTotal]),
  );
  const columns = ['order_id', 'product_id', 'quantity', 'expected_total'];
  if (places.length > 0) await insertRows(tx, 'waiting_lines', columns, places);
  if (left.length === 0) return;
  // The index is forced as above: a scan would wait for the rows of other products.
  const index = 'FORCE INDEX (waiting_lines_order)';
  await tx.execute(`DELETE w FROM waiting_lines w ${index} WHERE w.order_id IN (${placeholders(left.length)})`, left);
}

/**
 * Writes the stock of locked products. Columns that are not updated are given too, because MySQL checks the constraints
 * of the row that an upsert would have inserted: `initial_stock` is computed so that the stock of this row adds up.
 */
async function moveStock(tx: Transaction, products: readonly ProductStock[], at: Date): Promise<void> {
  await insertRows(
    tx,
    'products',
    ['product_id', 'name', 'price', 'initial_stock', ...MOVED, 'created_at', 'updated_at'],
    products.map(({ productId, name, price, available, reserved, sold, waiting }) => [
      ...[productId, name, price, available + reserved + sold],
      ...[available, reserved, sold, waiting],
      ...[at, at],
    ]),
    { onDuplicateUpdate: [...MOVED, 'updated_at'].map((column) => `${column} = VALUES(${column})`).join(', ') },
  );
}

const MOVED = ['available', 'reserved', 'sold', 'waiting'];
