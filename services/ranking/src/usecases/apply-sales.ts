import type { Transaction } from '@shop/chassis';
import type { Calendar } from '../domain/business-day.ts';
import { type NextGeneration, saleDayOf, shareOf } from '../domain/rebuild.ts';
import { namesIn, type SalesEvent, sumSales } from '../domain/sales.ts';
import type { ChangedDay, SalesStore } from './ports.ts';

/** An event with its id. */
export type HeardSale = SalesEvent & { readonly id: string };

interface Dependencies {
  readonly store: SalesStore;
  readonly calendar: Pick<Calendar, 'dayOf'>;
  readonly now: () => Date;
  /** The ids (of a sorted list) that were new to an inbox: `MessagingStore.claim`. */
  readonly claim: (tx: Transaction, inbox: string, ids: readonly string[], now: Date) => Promise<ReadonlySet<string>>;
  /** Called with the live generation's new totals, once they are committed. It must not throw. */
  readonly written: (generation: number, changed: readonly ChangedDay[]) => void;
}

/** The inbox of a generation being rebuilt. */
export function inboxOf(generation: number): string {
  return `ranking@${generation}`;
}

/**
 * Applies events to one generation, once, in the caller's transaction; duplicates are already removed. Rows are locked
 * by day and product, then names by product.
 */
export async function applySales(
  { store, calendar, now }: Pick<Dependencies, 'store' | 'calendar' | 'now'>,
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

/**
 * The handler of the live group. During a rebuild it writes to both generations, so that the rebuild never has to catch
 * up.
 */
export function createApplySales(dependencies: Dependencies) {
  const { store, calendar, now, written } = dependencies;
  return async (tx: Transaction, events: readonly HeardSale[]): Promise<void> => {
    const { live, next } = await store.generations(tx);
    const ofNext = next ? await takenBy(dependencies, tx, next, events) : events;
    // After a swap, events that the rebuild counted before the live group reached them must not be counted again.
    const changed = await applySales(dependencies, tx, live, live === next?.generation ? ofNext : events);
    if (next && next.generation !== live) {
      const sales = sumSales(ofNext, calendar.dayOf);
      if (sales.length > 0) await store.add(tx, next.generation, sales, now());
    }
    if (changed.length > 0) tx.onCommit(() => written(live, changed));
  };
}

/**
 * The part of the live group's new events that changes the next generation: for recounted days the events that its
 * inbox does not hold (which are added to it), and all events of copied days. Events that change no total are included.
 */
async function takenBy(
  { calendar, claim, now }: Dependencies,
  tx: Transaction,
  next: NextGeneration,
  events: readonly HeardSale[],
): Promise<HeardSale[]> {
  const shared = events.map((event) => {
    const day = saleDayOf(event, calendar.dayOf);
    return { event, share: day === undefined ? 'none' : shareOf(day, next) };
  });
  const recounted = shared.filter(({ share }) => share === 'recounted').map(({ event }) => event.id);
  const claimed =
    recounted.length > 0 ? await claim(tx, inboxOf(next.generation), recounted.sort(), now()) : new Set<string>();
  return shared
    .filter(({ event, share }) => (share === 'recounted' ? claimed.has(event.id) : share !== 'uncopied'))
    .map(({ event }) => event);
}
