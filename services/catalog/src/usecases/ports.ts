import type { Buyers, Changes, Snapshot, StockSnapshot } from '../domain/batch.ts';

/** A single product, or at most `take` products with ids above `after`. */
export type ProductWish =
  | { readonly productId: number }
  | { readonly after: number | undefined; readonly take: number };

/** Stores reservations and stock: MySQL in production, memory in the simulation. */
export interface CatalogStore<Tx> {
  /**
   * Locks the products until the transaction ends, in the order of their ids, and reads who waits for any of them.
   * Products that do not exist are absent. The ids are sorted.
   */
  lockStock(tx: Tx, productIds: readonly number[]): Promise<StockSnapshot>;
  /**
   * Locks and reads the reservations of `orderIds` (sorted; absent ones have no row), and reads what the buyers hold
   * unpaid. To be called once their products are locked. Of a WAITING one the wants are in the line, and empty here.
   */
  loadReservations(
    tx: Tx,
    orderIds: readonly string[],
    buyers: Buyers,
  ): Promise<Pick<Snapshot, 'reservations' | 'unpaid'>>;
  /** Writes a batch's changes to the locked rows. */
  save(tx: Tx, changes: Changes): Promise<void>;
}
