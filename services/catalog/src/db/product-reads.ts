import { placeholders, type SqlExecutor, type SqlValue } from '@shop/chassis';
import { type Product, shownProduct } from '../usecases/change-products.ts';
import type { ProductWish } from '../usecases/ports.ts';

const SHOWN =
  'product_id AS productId, name, price, available AS stockQuantity, reserved AS heldQuantity, on_sale AS onSale';

/**
 * Reads for all concurrent requests in one statement: the products requested by id, and each page, all on the primary
 * key. The answers are in the order of the wishes; for a product that does not exist the answer is empty. Pages hold
 * only what is on sale.
 */
export async function readProducts(db: SqlExecutor, wishes: readonly ProductWish[]): Promise<Product[][]> {
  const ids = [...new Set(wishes.flatMap((wish) => ('productId' in wish ? [wish.productId] : [])))];
  const parts: string[] = [];
  const params: SqlValue[] = [];
  if (ids.length > 0) {
    parts.push(`SELECT ${BY_ID} AS part, ${SHOWN} FROM products WHERE product_id IN (${placeholders(ids.length)})`);
    params.push(...ids);
  }
  for (const [part, wish] of wishes.entries()) {
    if ('productId' in wish) continue;
    const after = wish.after === undefined ? '' : 'AND product_id > ?';
    parts.push(
      `(SELECT ${part} AS part, ${SHOWN} FROM products WHERE on_sale = 1 ${after} ORDER BY product_id LIMIT ?)`,
    );
    params.push(...(wish.after === undefined ? [] : [wish.after]), wish.take);
  }
  const rows = await db.query<ProductRow>(parts.join(' UNION ALL '), params);
  const byPart = Map.groupBy(rows, ({ part }) => part);
  const byId = new Map(byPart.get(BY_ID)?.map((row) => [row.productId, [toProduct(row)]]));
  return wishes.map((wish, part) => {
    if ('productId' in wish) return byId.get(wish.productId) ?? [];
    // A union keeps the rows of each page, but not their order.
    return (byPart.get(part) ?? []).sort((a, b) => a.productId - b.productId).map(toProduct);
  });
}

const BY_ID = -1;

type ProductRow = Omit<Product, 'onSale'> & { readonly part: number; readonly onSale: number };

function toProduct({ onSale, ...row }: ProductRow): Product {
  return shownProduct({ ...row, onSale: onSale === 1 });
}
