import {
  type Copies,
  createCopies,
  type FindOptions,
  type Metrics,
  type Rendered,
  renderJson,
  toPage,
} from '@shop/chassis';
import type { Product } from '../usecases/change-products.ts';
import type { ProductWish } from '../usecases/ports.ts';

/**
 * Oldest copy of a product that is shown, ms. The gateway adds at most a quarter of a second: together this stays below
 * the second that the API promises.
 */
export const MAX_AGE_MS = 500;

/** Products as rendered answers. */
export interface ShownProducts {
  find(productId: number, options?: FindOptions): Promise<Rendered | undefined> | Rendered | undefined;
  /** Sorted by product id, only those after `after`. */
  list(
    page: { readonly after: number | undefined; readonly limit: number },
    options?: FindOptions,
  ): Promise<Rendered> | Rendered;
}

export interface ShownProductsOptions {
  readonly read: (wishes: readonly ProductWish[]) => Promise<readonly (readonly Product[])[]>;
  readonly metrics?: Metrics;
  /** A clock that runs forward, ms. */
  readonly now?: () => number;
}

/**
 * Products are read far more often than they change, and all clients are shown the same, so bodies and their ETags are
 * kept for a moment. Orders are reserved at prices read in the reservation's own transaction, never at these.
 */
export function createShownProducts(
  options: ShownProductsOptions,
): ShownProducts & Pick<Copies<never, never>, 'changed' | 'stop'> {
  const { read, ...rest } = options;
  const copies = createCopies<ProductWish, Rendered | undefined>({
    ...rest,
    name: 'products',
    maxAgeMs: MAX_AGE_MS,
    keyOf: (wish) => ('productId' in wish ? `${wish.productId}` : `${wish.after ?? ''}+${wish.take}`),
    load: async (wishes) => {
      const found = await read(wishes);
      return wishes.map((wish, index) => render(wish, found[index] ?? []));
    },
    bytesOf: (rendered) => rendered?.body.length ?? 0,
  });
  return {
    find: (productId, wanted) => copies.find({ productId }, wanted),
    // The extra row shows that there is a next page. A page always exists, even if empty.
    list: ({ after, limit }, wanted) => copies.find({ after, take: limit + 1 }, wanted) as Rendered | Promise<Rendered>,
    changed: copies.changed,
    stop: copies.stop,
  };
}

function render(wish: ProductWish, products: readonly Product[]): Rendered | undefined {
  if (!('productId' in wish)) return renderJson(toPage(products, wish.take - 1, ({ productId }) => productId));
  const [product] = products;
  return product && renderJson(product);
}
