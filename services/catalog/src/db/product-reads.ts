import { placeholders, type SqlExecutor, type SqlValue } from '@shop/chassis';
import type { Product } from '../usecases/change-products.ts';
import type { ProductWish } from '../usecases/ports.ts';

const SHOWN = 'product_id AS productId, name, price, available AS stockQuantity, reserved AS heldQuantity';

/**
 * Reads for all concurrent requests in one statement: the products requested by id, and each page, all on the primary
 * key. The answers are in the order of the wishes; for a product that does not exist the answer is empty.
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
    const where = wish.after === undefined ? '' : 'WHERE product_id > ?';
    parts.push(`(SELECT ${part} AS part, ${SHOWN} FROM products ${where} ORDER BY product_id LIMIT ?)`);
    params.push(...(wish.after === undefined ? [] : [wish.after]), wish.take);
  }
  const rows = await db.query<Product & { readonly part: number }>(parts.join(' UNION ALL '), params);
  const byPart = Map.groupBy(rows, ({ part }) => part);
  const byId = new Map(byPart.get(BY_ID)?.map((row) => [row.productId, [toProduct(row)]]));
  return wishes.map((wish, part) => {
    if ('productId' in wish) return byId.get(wish.productId) ?? [];
    // A union keeps the rows of each page, but not their order.
    return (byPart.get(part) ?? []).sort((a, b) => a.productId - b.productId).map(toProduct);
  });
}

const BY_ID = -1;

function toProduct({ productId, name, price, stockQuantity, heldQuantity = 0 }: Product): Product {
  return { productId, name, price, stockQuantity, ...(heldQuantity > 0 ? { heldQuantity } : {}) };
}
