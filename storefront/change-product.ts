import { call } from './api.ts';
import { askOnce, isAsking } from './ask-once.ts';
import type { Product } from './types.ts';

/** Pieces more, pieces less, or whether it is on sale. */
export type ProductPatch = { readonly restock: number } | { readonly takeBack: number } | { readonly onSale: boolean };

const purposeOf = (productId: number) => `stock.${productId}`;

/** True while pieces of the product are added or taken back. */
export function isChanging(productId: number): boolean {
  return isAsking(purposeOf(productId));
}

/**
 * Changes a product once. Pieces that are added or taken back twice are too many or too few, so such a change keeps its
 * key until its outcome is known; whether a product is on sale is the same however often it is said.
 * @throws {Problem}
 */
export async function changeProduct(productId: number, patch: ProductPatch): Promise<Product> {
  const path = `/products/${productId}`;
  const { data } =
    'onSale' in patch
      ? await call<Product>('PATCH', path, { body: patch, idempotent: true })
      : await askOnce<Product, ProductPatch>(purposeOf(productId), path, patch, { method: 'PATCH' });
  return data;
}
