import { insertRows, placeholders, restoreIdempotencyKeys, type Transaction } from '@shop/chassis';
import { type ProductFacts, piecesOf } from '../domain/facts.ts';
import type { FactStore } from '../usecases/apply-facts.ts';
import {
  LINE_COLUMNS,
  lineRow,
  lockReservations,
  moveLine,
  RESERVATION_COLUMNS,
  reservationRow,
  UPDATE_RESERVATION,
} from './catalog-store.ts';
import { CHANGE_COLUMNS, changeRow } from './product-store.ts';

/**
 * Restored products and reservations in MySQL, each row with the times of its own events. An upsert inserts, or updates
 * a row that was locked when it was loaded. No other transaction inserts a fact's row: its first writer committed
 * before the fact was sent.
 */
export const sqlFactStore: FactStore<Transaction> = {
  async knownChanges(tx, requestIds) {
    const rows = await tx.query<{ requestId: string }>(
      `SELECT request_id AS requestId FROM product_changes WHERE request_id IN (${placeholders(requestIds.length)})`,
      requestIds,
    );
    return new Set(rows.map(({ requestId }) => requestId));
  },

  restoreKeys: restoreIdempotencyKeys,

  async loadProducts(tx, productIds) {
    const rows = await tx.query<Omit<ProductFacts, 'onSale'> & { onSale: number }>(
      `SELECT product_id AS productId, name, price, initial_stock AS initialStock, restocked, taken_back AS takenBack,
              on_sale AS onSale, version
         FROM products FORCE INDEX (PRIMARY) WHERE product_id IN (${placeholders(productIds.length)})
        ORDER BY product_id FOR UPDATE`,
      productIds,
    );
    return new Map(rows.map((row) => [row.productId, { ...row, onSale: row.onSale === 1 }]));
  },

  async saveProducts(tx, products) {
    const rows = products.map(({ value, createdAt, updatedAt }) => [
      ...[value.productId, value.name, value.price, value.initialStock, value.restocked, value.takenBack],
      ...[0, 0, piecesOf(value), value.onSale ? 1 : 0, value.version, createdAt, updatedAt],
    ]);
    const changed = PRODUCT_COLUMNS.filter((column) => !['product_id', 'created_at'].includes(column));
    const onDuplicateUpdate = changed.map((column) => `${column} = VALUES(${column})`).join(', ');
    await insertRows(tx, 'products', PRODUCT_COLUMNS, rows, { onDuplicateUpdate });
  },

  async recordChanges(tx, changes) {
    const rows = changes.map(({ data, time }) => changeRow(data, time));
    await insertRows(tx, 'product_changes', CHANGE_COLUMNS, rows);
  },

  loadReservations: async (tx, orderIds) =>
    (await lockReservations(tx, orderIds, { userIds: [], productIds: [] })).reservations,

  async saveReservations(tx, { before, after }) {
    const rows = after.map(({ value, createdAt, updatedAt }) => reservationRow(value, createdAt, updatedAt));
    const onDuplicateUpdate = `${UPDATE_RESERVATION}, waited = VALUES(waited)`;
    await insertRows(tx, 'reservations', RESERVATION_COLUMNS, rows, { onDuplicateUpdate });
    const values = after.map(({ value }) => value);
    const lines = values.flatMap((it) => {
      const earlier = before.get(it.orderId);
      return 'lines' in it && !(earlier && 'lines' in earlier) ? it.lines.map((line) => lineRow(it.orderId, line)) : [];
    });
    if (lines.length > 0) await insertRows(tx, 'reservation_lines', LINE_COLUMNS, lines);
    await moveLine(tx, {
      joined: values.flatMap((it) => (it.status === 'WAITING' && !before.has(it.orderId) ? [it] : [])),
      left: values.filter((it) => it.status !== 'WAITING' && before.get(it.orderId)?.status === 'WAITING').map(idOf),
    });
  },
};

const PRODUCT_COLUMNS = [
  ...['product_id', 'name', 'price', 'initial_stock', 'restocked', 'taken_back'],
  ...['available', 'reserved', 'sold', 'on_sale', 'version', 'created_at', 'updated_at'],
];

function idOf({ orderId }: { readonly orderId: string }): string {
  return orderId;
}
