/** Limits of the API: 1 to 50 lines, each of 1 to 1,000 pieces. */
const MAX_LINES = 50;
export const MAX_QUANTITY = 1_000;

export interface BasketLine {
  readonly productId: number;
  readonly name: string;
  /** Price when it was put in, won. */
  readonly price: number;
  readonly quantity: number;
}
export type Basket = readonly BasketLine[];

/** Adds a piece, or sets the given quantity; 0 removes the product. A change beyond the limits is ignored. */
export function put(basket: Basket, product: Omit<BasketLine, 'quantity'>, quantity?: number): Basket {
  const before = basket.find((line) => line.productId === product.productId);
  const wanted = quantity ?? (before?.quantity ?? 0) + 1;
  if (wanted <= 0) return basket.filter((line) => line !== before);
  const line = { ...product, quantity: Math.min(Math.floor(wanted), MAX_QUANTITY) };
  if (before) return basket.map((each) => (each === before ? line : each));
  return basket.length < MAX_LINES ? [...basket, line] : basket;
}

/** The basket without the ordered pieces; others may have been put in meanwhile. */
export function without(basket: Basket, ordered: Basket): Basket {
  const gone = new Map(ordered.map(({ productId, quantity }) => [productId, quantity]));
  return basket
    .map((line) => ({ ...line, quantity: line.quantity - (gone.get(line.productId) ?? 0) }))
    .filter(({ quantity }) => quantity > 0);
}

/** The basket at present prices; the same object when none has changed. */
export function reprice(basket: Basket, products: readonly Omit<BasketLine, 'quantity'>[]): Basket {
  const priceNow = new Map(products.map(({ productId, price }) => [productId, price]));
  if (basket.every(({ productId, price }) => (priceNow.get(productId) ?? price) === price)) return basket;
  return basket.map((line) => ({ ...line, price: priceNow.get(line.productId) ?? line.price }));
}

export function total(basket: Basket): number {
  return basket.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
}

export function pieces(basket: Basket): number {
  return basket.reduce((sum, { quantity }) => sum + quantity, 0);
}
