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
  /** The ids and those that were found to go with them, sorted. */
  widen(productIds: readonly number[]): number[];
  learn(productIds: Iterable<number>): void;
  /** Nobody waits for this product any more. */
  forget(productId: number): void;
}

export function createCompanions(): Companions {
  const groups = new Map<number, ReadonlySet<number>>();
  const widen = (productIds: Iterable<number>): Set<number> =>
    new Set([...productIds].flatMap((productId) => [productId, ...(groups.get(productId) ?? [])]));
  return {
    widen: (productIds) => [...widen(productIds)].sort((a, b) => a - b),
    learn(productIds) {
      const group = widen(productIds);
      for (const productId of group) groups.set(productId, group);
    },
    forget: (productId) => void groups.delete(productId),
  };
}

/**
 * Locks the stock of the products, and of all that those who wait for them want besides.
 * @throws {RestartTransactionError} when these became known only under the lock
 */
export async function lockWithCompanions<Tx>(
  store: Pick<CatalogStore<Tx>, 'lockStock'>,
  companions: Companions,
  tx: Tx,
  productIds: readonly number[],
): Promise<StockSnapshot> {
  const stock = await store.lockStock(tx, companions.widen(productIds));
  let isComplete = true;
  for (const { wants } of stock.line.values()) {
    const wanted = wants.map(({ productId }) => productId);
    if (wanted.every((productId) => stock.products.has(productId))) continue;
    companions.learn(wanted);
    isComplete = false;
  }
  if (!isComplete) throw new RestartTransactionError('orders in line want products that are not locked yet');
  for (const { productId, waiting } of stock.products.values()) if (waiting === 0) companions.forget(productId);
  return stock;
}
