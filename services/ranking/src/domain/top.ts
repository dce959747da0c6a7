/** Pieces of a product sold over some days. */
export interface ProductTotal {
  readonly productId: number;
  readonly quantity: number;
}

/** The first `limit` products by quantity; of equal ones the smaller id comes first. Unsold products are left out. */
export function topOf(totals: readonly ProductTotal[], limit: number): ProductTotal[] {
  return totals
    .filter(({ quantity }) => quantity > 0)
    .sort((a, b) => b.quantity - a.quantity || a.productId - b.productId)
    .slice(0, limit);
}
