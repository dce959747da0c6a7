import type { OrderedLine, ProductStock, WaitingReservation } from './states.ts';

/** The shop's limits for orders that are not paid yet. */
export interface Limits {
  /**
   * Pieces of one product that one user's unpaid orders may hold together. Further orders of the user wait until those
   * end, as many as pieces at most: else one user could fill the line. An order that alone wants more is refused.
   */
  readonly unpaidPieces: number;
  /** Orders that may wait for one product. Further ones are refused. */
  readonly waitingOrders: number;
}

/** Pieces that are reserved and not sold, by user and product (`unpaidKey`). */
export type Unpaid = ReadonlyMap<string, number>;

/** The key of a user's unpaid pieces of one product. */
export function unpaidKey(userId: number, productId: number): string {
  return `${userId}/${productId}`;
}

/** Orders that wait, first come first, by order id. */
export type WaitingLine = ReadonlyMap<string, WaitingReservation>;

/** What an order is judged by: the stock, what its user holds, and the pieces that those before it in line wait for. */
export interface Counter {
  readonly products: ReadonlyMap<number, ProductStock>;
  readonly unpaid: Unpaid;
  readonly limits: Limits;
  readonly ahead: Ahead;
}

/** An order's wish, before anything is reserved for it. */
export interface Wish {
  readonly userId: number;
  readonly wants: readonly OrderedLine[];
  /** Won; null when the client showed none. */
  readonly expectedTotal: number | null;
}

export type Refusal =
  | 'PRODUCT_NOT_FOUND'
  | 'PRODUCT_WITHDRAWN'
  | 'OUT_OF_STOCK'
  | 'QUANTITY_ABOVE_LIMIT'
  | 'PRICE_CHANGED'
  | 'TOO_MANY_WAITING';

/** What an order waits for: pieces that others hold or wait for before it, or the end of its user's own orders. */
export type WaitReason = 'PIECES_HELD' | 'UNPAID_LIMIT';

export type Verdict =
  | { readonly kind: 'fits'; readonly totalAmount: number }
  | { readonly kind: 'waits'; readonly reason: WaitReason; readonly productId: number }
  | {
      readonly kind: 'refused';
      readonly reason: Refusal;
      readonly productId: number | null;
      readonly totalAmount: number | null;
    };

/** The pieces that orders further ahead in line wait for. They are not set aside, but nobody behind may take them. */
export class Ahead {
  readonly #byProduct = new Map<number, number>();
  readonly #byUser = new Map<string, number>();
  readonly #orders = new Map<string, number>();

  /** Counts an order that stays in line. One that its own user's orders keep back must not keep back others. */
  add({ userId, wants }: Wish, reason: WaitReason): void {
    for (const { productId, quantity } of wants) {
      const key = unpaidKey(userId, productId);
      this.#orders.set(key, this.ordersOf(userId, productId) + 1);
      if (reason === 'UNPAID_LIMIT') continue;
      this.#byProduct.set(productId, this.ofProduct(productId) + quantity);
      this.#byUser.set(key, this.ofUser(userId, productId) + quantity);
    }
  }

  ofProduct(productId: number): number {
    return this.#byProduct.get(productId) ?? 0;
  }

  ofUser(userId: number, productId: number): number {
    return this.#byUser.get(unpaidKey(userId, productId)) ?? 0;
  }

  /** Orders of the user that wait for the product, whatever for. */
  ordersOf(userId: number, productId: number): number {
    return this.#orders.get(unpaidKey(userId, productId)) ?? 0;
  }
}

/**
 * Judges an order in its place in line. It is refused when a product is withdrawn from sale, even if it waited before,
 * and when even all held pieces, given back, would not suffice. It waits while its pieces are held, or wanted by
 * somebody ahead: a smaller order behind a larger one, or one of a single product behind one of several, takes nothing
 * that those before it need. So the first in line waits for held pieces only, which are sold or come back by the
 * deadlines of their orders, and nobody waits in a circle.
 */
export function judge({ userId, wants, expectedTotal }: Wish, { products, unpaid, limits, ahead }: Counter): Verdict {
  const refused = (reason: Refusal, productId: number | null, totalAmount: number | null = null): Verdict => ({
    kind: 'refused',
    ...{ reason, productId, totalAmount },
  });
  const wanted = wants.map((line) => ({ ...line, product: products.get(line.productId) }));
  const missing = wanted.find(({ product }) => !product);
  if (missing) return refused('PRODUCT_NOT_FOUND', missing.productId);
  const withdrawn = wanted.find(({ product }) => product?.onSale === false);
  if (withdrawn) return refused('PRODUCT_WITHDRAWN', withdrawn.productId);

  const soldOut = wanted.find(({ product, quantity }) => product && product.available + product.reserved < quantity);
  if (soldOut) return refused('OUT_OF_STOCK', soldOut.productId);
  const tooLarge = wanted.find(({ quantity }) => quantity > limits.unpaidPieces);
  if (tooLarge) return refused('QUANTITY_ABOVE_LIMIT', tooLarge.productId);
  const totalAmount = wanted.reduce((sum, { product, quantity }) => sum + (product?.price ?? 0) * quantity, 0);
  if (expectedTotal !== null && expectedTotal !== totalAmount) return refused('PRICE_CHANGED', null, totalAmount);

  const atLimit = wanted.find(({ productId, quantity }) => {
    const own = (unpaid.get(unpaidKey(userId, productId)) ?? 0) + ahead.ofUser(userId, productId);
    return own + quantity > limits.unpaidPieces;
  });
  if (atLimit) return { kind: 'waits', reason: 'UNPAID_LIMIT', productId: atLimit.productId };
  const held = wanted.find(
    ({ product, productId, quantity }) => (product?.available ?? 0) - ahead.ofProduct(productId) < quantity,
  );
  if (held) return { kind: 'waits', reason: 'PIECES_HELD', productId: held.productId };
  return { kind: 'fits', totalAmount };
}

/** Whether there is no room for a further order in a line that it would have to join, and for which product. */
export function fullLine({ userId, wants }: Wish, { products, limits, ahead }: Counter): number | undefined {
  return wants.find(
    ({ productId }) =>
      (products.get(productId)?.waiting ?? 0) >= limits.waitingOrders ||
      ahead.ordersOf(userId, productId) >= limits.unpaidPieces,
  )?.productId;
}

/** What an order joining at the end finds ahead of it. */
export function everybodyAhead(line: WaitingLine, counter: Omit<Counter, 'ahead'>): Ahead {
  const ahead = new Ahead();
  for (const order of line.values()) {
    const verdict = judge(order, { ...counter, ahead });
    if (verdict.kind === 'waits') ahead.add(order, verdict.reason);
  }
  return ahead;
}
