import type { Transaction } from '@shop/service';
import type { Calendar } from '../domain/business-day.ts';
import { namesIn, type SalesEvent, sumSales } from '../domain/sales.ts';
import type { ChangedDay, SalesStore } from './ports.ts';

interface Dependencies {
  readonly store: SalesStore;
  readonly calendar: Pick<Calendar, 'dayOf'>;
  readonly now: () => Date;
  /** Told of the live generation's new totals, once they are committed. It must not throw. */
  readonly written: (generation: number, changed: readonly ChangedDay[]) => void;
}

/**
 * Applies events to one generation, in the caller's transaction and once: duplicates are gone. Rows are locked by day
 * and product, then names by product.
 */
export async function applySales(
  { store, calendar, now }: Omit<Dependencies, 'written'>,
  tx: Transaction,
  generation: number,
  events: readonly SalesEvent[],
): Promise<ChangedDay[]> {
  const at = now();
  const sales = sumSales(events, calendar.dayOf);
  const changed = sales.length > 0 ? await store.add(tx, generation, sales, at) : [];
  const names = namesIn(events);
  if (names.length > 0) await store.keepNames(tx, names, at);
  return changed;
}

/** The handler of the live generation. */
export function createHandler(dependencies: Dependencies) {
  return async (tx: Transaction, events: readonly SalesEvent[]): Promise<void> => {
    const generation = await dependencies.store.liveGeneration(tx);
    const changed = await applySales(dependencies, tx, generation, events);
    if (changed.length > 0) tx.onCommit(() => dependencies.written(generation, changed));
  };
}
