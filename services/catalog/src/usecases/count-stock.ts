import { FactsIncompleteError, type RecoveryFence } from '@shop/events';
import { type ProductFacts, piecesOf, withPieces } from '../domain/facts.ts';

/** The pieces of one product that reservations hold. */
export interface Held {
  readonly reserved: number;
  readonly sold: number;
}

/** A product with all its counts. */
export interface CountedProduct extends ProductFacts, Held {
  readonly available: number;
  /** Orders that wait for it. */
  readonly waiting: number;
}

/** The rows that stock is counted from. */
export interface StockCounts {
  /** Pieces that are reserved and sold, by product id, over all reservations. */
  readHeld(): Promise<ReadonlyMap<number, Held>>;
  readWaiting(): Promise<ReadonlyMap<number, number>>;
  readProducts(): Promise<readonly ProductFacts[]>;
  /** Writes the counts. */
  save(products: readonly CountedProduct[], fence: RecoveryFence): Promise<void>;
}

/**
 * Counts the stock of every product anew, from the reservations: after facts were restored, whose order over several
 * orders is not known, and of which some made room for others. Nobody else may write meanwhile.
 * @throws FactsIncompleteError when more is held than there is, or of a product that is not there
 */
export async function countStock(
  counts: StockCounts,
  options: { readonly acceptGaps: boolean; readonly fence: RecoveryFence; readonly warn: (words: string) => void },
): Promise<void> {
  const { acceptGaps, fence, warn } = options;
  const [held, waiting, products] = [await counts.readHeld(), await counts.readWaiting(), await counts.readProducts()];
  const known = new Set(products.map(({ productId }) => productId));
  const unknown = [...held.keys()].filter((productId) => !known.has(productId)).sort((a, b) => a - b);
  if (unknown.length > 0) {
    const words = `orders hold pieces of ${unknown.length} products that are not there: ${unknown.slice(0, 10).join(', ')}`;
    if (!acceptGaps) throw new FactsIncompleteError(`${words}. The events that created them are missing`);
    warn(words);
  }
  const counted = products.map((product): CountedProduct => {
    const { reserved, sold } = held.get(product.productId) ?? { reserved: 0, sold: 0 };
    const pieces = piecesOf(product);
    if (pieces < reserved + sold && !acceptGaps) {
      const words = `product ${product.productId} has ${pieces} pieces, and its orders hold ${reserved + sold} of them`;
      throw new FactsIncompleteError(`${words}: a change of it, or the end of an order, is missing`);
    }
    const whole = withPieces(product, reserved + sold);
    const available = piecesOf(whole) - reserved - sold;
    return { ...whole, reserved, sold, available, waiting: waiting.get(product.productId) ?? 0 };
  });
  await counts.save(counted, fence);
}
