/** A single product, or at most `take` products with ids above `after`. */
export type ProductWish =
  | { readonly productId: number }
  | { readonly after: number | undefined; readonly take: number };
