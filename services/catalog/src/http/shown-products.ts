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
 * How old a product may be when it is shown, ms. The gateway adds a quarter of a second at most: together that stays
 * below the second that the API promises.
 */
export const MAX_AGE_MS = 500;

/** Products as they are sent. */
export interface ShownProducts {
  find(productId: number, options?: FindOptions): Promise<Rendered | undefined> | Rendered | undefined;
  /** By product id, only those after `after`. */
  list(
    page: { readonly after: number | undefined; readonly limit: number },
    options?: FindOptions,
  ): Promise<Rendered> | Rendered;
}

export interface ShownProductsOptions {
  readonly read: (wishes: readonly ProductWish[]) => Promise<readonly (readonly Product[])[]>;
  readonly metrics?: Metrics;
  /** ms, on a clock that runs forward. */
  readonly now?: () => number;
}

/**
 * Products are looked at far more often than they change, and everybody is shown the same: bodies and their ETags are
 * kept for a moment. Prices at which orders are reserved come from the reservation's own transaction, never from here.
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
    // The one too many tells that there is a next page. A page is always there, be it empty.
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
