import { insertRows, placeholders, type Transaction } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { Snapshot } from '../domain/batch.ts';
import type { ProductStock, Reservation, ReservedLine } from '../domain/reservation.ts';
import type { CatalogStore } from '../usecases/reserve-stock.ts';

/**
 * Reservations and stock in MySQL. A batch takes at most seven statements, whatever its size.
 *
 * Lock order, for everything that locks in this schema: idempotency keys, then reservations by order id, then products
 * by product id. An operator's change locks one product and nothing after it, so it fits in.
 *
 * The primary key is forced: on a small table a scan may look cheaper, but would lock, and wait for, unrelated rows.
 *
 * Reservations without a row are inserted plainly at the end. READ COMMITTED locks no gaps, so a consumer that lost its
 * partition without knowing might insert the same order first. The duplicate-key error then rolls this batch back, and
 * the consumer runs it again on the rows of the other.
 */
export const sqlCatalogStore: CatalogStore<Transaction> = {
  async load(tx, { orderIds, productIds }) {
    const reservations = await lockReservations(tx, orderIds);
    const wanted = new Set(productIds);
    for (const it of reservations.values()) if ('lines' in it) for (const line of it.lines) wanted.add(line.productId);
    return { reservations, products: await lockProducts(tx, [...wanted]) };
  },

  async save(tx, { created, changed, products, at }) {
    if (created.length > 0) {
      await insertRows(
        tx,
        'reservations',
        RESERVATION_COLUMNS,
        created.map((it) => reservationRow(it, at)),
      );
    }
    const lines = created.flatMap((it) => ('lines' in it ? it.lines.map((line) => lineRow(it.orderId, line)) : []));
    if (lines.length > 0) await insertRows(tx, 'reservation_lines', LINE_COLUMNS, lines);

    // These rows exist and are locked, so the upserts below are updates: many rows, one statement.
    if (changed.length > 0) {
      await insertRows(
        tx,
        'reservations',
        RESERVATION_COLUMNS,
        changed.map((it) => reservationRow(it, at)),
        {
          onDuplicateUpdate: 'status = VALUES(status), reason = VALUES(reason), updated_at = VALUES(updated_at)',
        },
      );
    }
    if (products.length > 0) await moveStock(tx, products, at);
  },
};

const RESERVATION_COLUMNS = [
  'order_id',
  'user_id',
  'coupon_id',
  'status',
  'reason',
  'total_amount',
  'created_at',
  'updated_at',
];
const LINE_COLUMNS = ['order_id', 'product_id', 'name', 'unit_price', 'quantity'];

function reservationRow(it: Reservation, at: Date) {
  const reason = 'reason' in it ? it.reason : null;
  const totalAmount = 'totalAmount' in it ? it.totalAmount : 0;
  return [it.orderId, it.userId, it.couponId, it.status, reason, totalAmount, at, at];
}

function lineRow(orderId: string, line: ReservedLine) {
  return [orderId, line.productId, line.name, line.unitPrice, line.quantity];
}

interface ReservationRow {
  order_id: string;
  user_id: number;
  coupon_id: string | null;
  status: Reservation['status'];
  reason: string | null;
  total_amount: number;
}

async function lockReservations(tx: Transaction, orderIds: readonly string[]): Promise<Snapshot['reservations']> {
  const rows = await tx.query<ReservationRow>(
    `SELECT order_id, user_id, coupon_id, status, reason, total_amount
       FROM reservations FORCE INDEX (PRIMARY) WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id FOR UPDATE`,
    orderIds,
  );
  const withLines = rows.filter((row) => row.status !== 'REJECTED' && row.status !== 'VOID').map((row) => row.order_id);
  const lines = await readLines(tx, withLines);
  return new Map(rows.map((row) => [row.order_id, toReservation(row, lines.get(row.order_id) ?? [])]));
}

/** Lines never change and belong to locked reservations, so a plain read is enough. */
async function readLines(tx: Transaction, orderIds: readonly string[]): Promise<Map<string, ReservedLine[]>> {
  const lines = new Map<string, ReservedLine[]>();
  if (orderIds.length === 0) return lines;
  const rows = await tx.query<ReservedLine & { orderId: string }>(
    `SELECT order_id AS orderId, product_id AS productId, name, unit_price AS unitPrice, quantity
       FROM reservation_lines WHERE order_id IN (${placeholders(orderIds.length)})`,
    orderIds,
  );
  for (const { orderId, ...line } of rows) {
    const found = lines.get(orderId);
    if (found) found.push(line);
    else lines.set(orderId, [line]);
  }
  return lines;
}

function toReservation(row: ReservationRow, lines: readonly ReservedLine[]): Reservation {
  const order = { orderId: row.order_id, userId: row.user_id, couponId: row.coupon_id };
  switch (row.status) {
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

async function lockProducts(tx: Transaction, productIds: readonly number[]): Promise<Snapshot['products']> {
  if (productIds.length === 0) return new Map();
  const rows = await tx.query<ProductStock>(
    `SELECT product_id AS productId, name, price, available, reserved, sold
       FROM products FORCE INDEX (PRIMARY) WHERE product_id IN (${placeholders(productIds.length)}) ORDER BY product_id FOR UPDATE`,
    productIds,
  );
  return new Map(rows.map((row) => [row.productId, row]));
}

/**
 * Writes the stock of locked products. Columns that are not updated are given too, because MySQL checks the constraints
 * of the row that an upsert would have inserted: `initial_stock` is computed so that the stock of this row adds up.
 */
async function moveStock(tx: Transaction, products: readonly ProductStock[], at: Date): Promise<void> {
  await insertRows(
    tx,
    'products',
    ['product_id', 'name', 'price', 'initial_stock', 'available', 'reserved', 'sold', 'created_at', 'updated_at'],
    products.map(({ productId, name, price, available, reserved, sold }) => [
      productId,
      name,
      price,
      available + reserved + sold,
      available,
      reserved,
      sold,
      at,
      at,
    ]),
    {
      onDuplicateUpdate:
        'available = VALUES(available), reserved = VALUES(reserved), sold = VALUES(sold), updated_at = VALUES(updated_at)',
    },
  );
}
