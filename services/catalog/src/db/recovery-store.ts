import { type Database, insertRows, placeholders, type Transaction } from '@shop/chassis';
import { pagesAfter } from '@shop/events';
import type { ProductFacts } from '../domain/facts.ts';
import type { Held } from '../usecases/count-stock.ts';
import type { RecoveryStore } from '../usecases/recover-stock.ts';

/** A recovery's rows in MySQL. Large tables are read page by page: a statement may not take long. */
// One function: it is a list of SQL statements, a method each.
export function createRecoveryStore(database: Database): RecoveryStore<Transaction> {
  return {
    async readHeld() {
      const held = new Map<number, Held>();
      const pages = pagesAfter<HeldRow>((last, limit) =>
        database.query(
          `SELECT l.order_id AS orderId, l.product_id AS productId, l.quantity, r.status
             FROM reservation_lines l FORCE INDEX (PRIMARY) STRAIGHT_JOIN reservations r FORCE INDEX (PRIMARY) ON r.order_id = l.order_id
            WHERE l.order_id >= ? AND (l.order_id > ? OR l.product_id > ?)
            ORDER BY l.order_id, l.product_id LIMIT ?`,
          [last?.orderId ?? '', last?.orderId ?? '', last?.productId ?? 0, limit],
        ),
      );
      for await (const page of pages) {
        for (const { productId, quantity, status } of page) {
          const { reserved, sold } = held.get(productId) ?? { reserved: 0, sold: 0 };
          if (status === 'ACTIVE') held.set(productId, { reserved: reserved + quantity, sold });
          if (status === 'SOLD') held.set(productId, { reserved, sold: sold + quantity });
        }
      }
      return held;
    },

    async readWaiting() {
      const rows = await database.query<{ productId: number; waiting: number }>(
        'SELECT product_id AS productId, COUNT(*) AS waiting FROM waiting_lines GROUP BY product_id',
      );
      return new Map(rows.map(({ productId, waiting }) => [productId, waiting]));
    },

    async readProducts() {
      const products: ProductFacts[] = [];
      const pages = pagesAfter<Omit<ProductFacts, 'onSale'> & { onSale: number }>((last, limit) =>
        database.query(
          `SELECT product_id AS productId, name, price, initial_stock AS initialStock, restocked, taken_back AS takenBack,
                  on_sale AS onSale, version
             FROM products WHERE product_id > ? ORDER BY product_id LIMIT ?`,
          [last?.productId ?? 0, limit],
        ),
      );
      for await (const page of pages) products.push(...page.map((row) => ({ ...row, onSale: row.onSale === 1 })));
      return products;
    },

    async save(products, fence) {
      const at = database.clock.date();
      const columns = ['restocked', 'available', 'reserved', 'sold', 'waiting'];
      const rows = products.map((it) => [
        ...[it.productId, it.name, it.price, it.initialStock, it.takenBack],
        ...[it.restocked, it.available, it.reserved, it.sold, it.waiting, at, at],
      ]);
      const all = [
        'product_id',
        'name',
        'price',
        'initial_stock',
        'taken_back',
        ...columns,
        'created_at',
        'updated_at',
      ];
      const onDuplicateUpdate = columns.map((column) => `${column} = VALUES(${column})`).join(', ');
      await database.transaction(async (tx) => {
        await fence(tx);
        await insertRows(tx, 'products', all, rows, { onDuplicateUpdate });
      });
    },

    async awaitedProducts() {
      const sql = 'SELECT product_id AS productId FROM products WHERE waiting > 0 ORDER BY product_id';
      return (await database.query<{ productId: number }>(sql)).map(({ productId }) => productId);
    },

    async removeUnknownWaits(tx) {
      const rows = await tx.query<{ orderId: string }>(
        `SELECT r.order_id AS orderId FROM reservations r LEFT JOIN waiting_lines w ON w.order_id = r.order_id
          WHERE r.status = 'WAITING' AND w.order_id IS NULL`,
      );
      const orderIds = rows.map(({ orderId }) => orderId);
      if (orderIds.length > 0)
        await tx.execute(`DELETE FROM reservations WHERE order_id IN (${placeholders(orderIds.length)})`, orderIds);
      return orderIds;
    },

    async markWaited(tx, orderIds) {
      const sql = `UPDATE reservations SET waited = 1 WHERE order_id IN (${placeholders(orderIds.length)})`;
      await tx.execute(sql, orderIds);
    },

    async countUnknownAvailable() {
      const sql = 'SELECT COUNT(*) AS count FROM product_changes WHERE available IS NULL';
      return (await database.query<{ count: number }>(sql))[0]?.count ?? 0;
    },
  };
}

interface HeldRow {
  readonly orderId: string;
  readonly productId: number;
  readonly quantity: number;
  readonly status: string;
}
