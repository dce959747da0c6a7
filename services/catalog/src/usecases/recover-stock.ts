import type { Transaction, Transactor } from '@shop/chassis';
import type { RecoveryFence } from '@shop/events';
import { buyersOf, decideLine } from '../domain/batch.ts';
import type { OrderEvent } from '../domain/reservation.ts';
import { lockWithCompanions } from './companions.ts';
import { countStock, type StockCounts } from './count-stock.ts';
import { createReserveStock, type ReserveStockDependencies } from './reserve-stock.ts';

/** What a recovery reads and mends besides single orders. */
export interface RecoveryStore<Tx> extends StockCounts {
  /** Product ids, sorted. */
  awaitedProducts(): Promise<number[]>;
  /**
   * Removes the rows of orders that wait for unknown pieces: their stock-awaited is older than its lines.
   * @returns their ids
   */
  removeUnknownWaits(tx: Tx): Promise<string[]>;
  /** Notes that the orders have said stock-awaited. */
  markWaited(tx: Tx, orderIds: readonly string[]): Promise<void>;
  /** Changes that do not know what was left. */
  countUnknownAvailable(): Promise<number>;
}

interface Dependencies<Tx> extends ReserveStockDependencies<Tx> {
  readonly transactor: Transactor<Tx>;
  readonly recovery: RecoveryStore<Tx>;
  readonly acceptGaps: boolean;
  /** The present time, for what is decided of no single event. */
  readonly present: () => Date;
  readonly warn: (words: string) => void;
}

/**
 * The last step of a recovery, once all reservations are as they were: the stock is counted, those in line get what the
 * ended orders left, and then the orders that were never answered are decided.
 */
export function createRecoverStock(dependencies: Dependencies<Transaction>) {
  const { transactor, recovery, acceptGaps, warn } = dependencies;
  const reserve = createReserveStock(dependencies);
  const awaitedBefore = new Set<string>();
  return {
    async before(fence: RecoveryFence): Promise<void> {
      const removed = await transactor.transaction(async (tx) => {
        await fence(tx);
        return await recovery.removeUnknownWaits(tx);
      });
      for (const orderId of removed) awaitedBefore.add(orderId);
      if (awaitedBefore.size > 0)
        warn(
          `${awaitedBefore.size} orders stood in line before events told their lines: they join it anew, at its end`,
        );
      await countStock(recovery, { acceptGaps, fence, warn });
      await serveAll(dependencies, fence);
      const unknown = await recovery.countUnknownAvailable();
      if (unknown > 0)
        warn(
          `${unknown} changes of products were published before events told what was left: repeats of theirs tell the present stock`,
        );
    },

    async handle(tx: Transaction, events: readonly OrderEvent[]): Promise<void> {
      await reserve(tx, events);
      const waited = events.map(({ data }) => data.orderId).filter((orderId) => awaitedBefore.has(orderId));
      if (waited.length > 0) await recovery.markWaited(tx, waited);
    },
  };
}

/** Decides everybody in line: orders that ended made room whose use no event tells. */
async function serveAll(
  { transactor, recovery, ...deps }: Dependencies<Transaction>,
  fence: RecoveryFence,
): Promise<void> {
  const { store, companions, outbox, limits, present } = deps;
  const productIds = await recovery.awaitedProducts();
  if (productIds.length === 0) return;
  await transactor.transaction(async (tx) => {
    await fence(tx);
    const stock = await lockWithCompanions(store, companions, tx, productIds);
    const known = await store.loadReservations(tx, [], buyersOf(stock, [], limits));
    const { changes, events } = decideLine({ ...stock, ...known }, { now: present(), limits });
    await store.save(tx, changes);
    if (events.length > 0) await outbox.append(tx, events);
  });
}
