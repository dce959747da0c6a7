import { RestartTransactionError } from '@shop/chassis';
import type { StockSnapshot } from '../domain/batch.ts';
import type { CatalogStore } from './ports.ts';

/**
 * Which products orders in line want together. Whoever decides the line of one product may have to move the stock of
 * the others, so it locks them all at once, in the order of their ids. Who waits with whom is known only once a
 * product is locked; then it is too late to lock a lower id without risking a deadlock. So the transaction begins
 * again, and this memory of the process makes it lock more. It is only a hint: what it lacks costs another start.
 */
export interface Companions {
  /** The ids, and all that go with them, with those in turn, and so on: sorted. */
  widen(productIds: readonly number[]): number[];
  /** Somebody waits for these products together. */
  learn(productIds: readonly number[]): void;
  /** What is known of these products' companions is out of date. */
  forget(productIds: Iterable<number>): void;
}

export function createCompanions(): Companions {
  const companions = new Map<number, Set<number>>();
  const link = (productId: number, other: number): void => {
    const known = companions.get(productId);
    if (known) known.add(other);
    else companions.set(productId, new Set([other]));
  };
  return {
    widen(productIds) {
      // A set that is walked also gives what is added meanwhile, so companions of companions are found as well. With
      // less, a transaction could learn something that its next try does not look at, and begin again for ever.
      const found = new Set(productIds);
      for (const productId of found) for (const other of companions.get(productId) ?? []) found.add(other);
      return [...found].sort((a, b) => a - b);
    },
    learn([first, ...others]) {
      if (first === undefined) return;
      for (const other of others) {
        link(first, other);
        link(other, first);
      }
    },
    forget(productIds) {
      for (const productId of productIds) companions.delete(productId);
    },
  };
}

/**
 * Locks the stock of the products, and of all that those who wait for them want besides. Each restart locks more than
 * the try before, so there are at most as many as products in the group.
 * @throws {RestartTransactionError} when these became known only under the lock
 */
export async function lockWithCompanions<Tx>(
  store: Pick<CatalogStore<Tx>, 'lockStock'>,
  companions: Companions,
  tx: Tx,
  productIds: readonly number[],
): Promise<StockSnapshot> {
  const stock = await store.lockStock(tx, companions.widen(productIds));
  const wanted = [...stock.line.values()].map(({ wants }) => wants.map(({ productId }) => productId));
  const isComplete = wanted.every((together) => together.every((productId) => stock.products.has(productId)));
  // A complete line is all there is to know of these products. What they had in common earlier would only lock more.
  if (isComplete) companions.forget(stock.products.keys());
  for (const together of wanted) companions.learn(together);
  if (!isComplete) throw new RestartTransactionError('orders in line want products that are not locked yet');
  return stock;
}
