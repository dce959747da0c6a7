/** One product, or at most `take` of those that follow `after` by their ids. */
export type ProductWish =
  | { readonly productId: number }
  | { readonly after: number | undefined; readonly take: number };
