import { insertRows, type Transaction } from '@shop/chassis';
import { type Product, type ProductStore, type RecordedChange, shownProduct } from '../usecases/change-products.ts';

/** The operators' changes in MySQL. Each locks one product, and nothing after it. */
export const sqlProductStore: ProductStore = {
  async insert(tx, { name, price, stockQuantity }, at) {
    const { insertId } = await tx.execute(
      `INSERT INTO products (name, price, initial_stock, available, version, created_at, updated_at)
       VALUES (?, ?, ?, ?, 1, ?, ?)`,
      [name, price, stockQuantity, stockQuantity, at, at],
    );
    return insertId;
  },

  async lock(tx, productId) {
    const [row] = await tx.query<Omit<Product, 'onSale'> & { version: number; onSale: number }>(
      `SELECT product_id AS productId, name, price, available AS stockQuantity, on_sale AS onSale, version
         FROM products WHERE product_id = ? FOR UPDATE`,
      [productId],
    );
    return row && { ...row, onSale: row.onSale === 1 };
  },

  async update(tx, { productId, name, price, stockDelta, onSale, version }, at) {
    await tx.execute(
      `UPDATE products
          SET name = ?, price = ?, restocked = restocked + ?, taken_back = taken_back + ?, available = available + ?,
              on_sale = ?, version = ?, updated_at = ?
        WHERE product_id = ?`,
      [
        ...[name, price, Math.max(0, stockDelta), Math.max(0, -stockDelta), stockDelta],
        ...[onSale ? 1 : 0, version, at, productId],
      ],
    );
  },

  async recordChange(tx, it, at) {
    await insertRows(tx, 'product_changes', CHANGE_COLUMNS, [changeRow({ ...it, available: it.stockQuantity }, at)]);
  },

  findChange,
};

export const CHANGE_COLUMNS = [
  ...['request_id', 'product_id', 'version', 'change_type', 'name', 'price', 'stock_delta', 'available'],
  ...['on_sale', 'created_at'],
];

export function changeRow(it: RecordedChange, at: Date) {
  const onSale = it.onSale === null ? null : it.onSale ? 1 : 0;
  return [
    ...[it.requestId, it.productId, it.version, it.change, it.name, it.price, it.stockDelta, it.available, onSale, at],
  ];
}

async function findChange(tx: Transaction, requestId: string): Promise<Product | undefined> {
  const [row] = await tx.query<Omit<Product, 'onSale'> & { onSale: number | null }>(
    `SELECT c.product_id AS productId, c.name, c.price, COALESCE(c.available, p.available) AS stockQuantity, c.on_sale AS onSale
       FROM product_changes c JOIN products p ON p.product_id = c.product_id WHERE c.request_id = ?`,
    [requestId],
  );
  return row && shownProduct({ ...row, onSale: row.onSale !== 0 });
}
