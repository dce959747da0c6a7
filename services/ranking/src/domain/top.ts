/** Pieces of a product sold over some days. */
export interface ProductTotal {
  readonly productId: number;
  readonly quantity: number;
}

/** The first `limit` by quantity; of equal ones, the product with the smaller id comes first. Only what was sold. */
export function topOf(totals: readonly ProductTotal[], limit: number): ProductTotal[] {
  return totals
    .filter(({ quantity }) => quantity > 0)
    .sort((a, b) => b.quantity - a.quantity || a.productId - b.productId)
    .slice(0, limit);
}
