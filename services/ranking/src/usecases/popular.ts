import type { Logger, Metrics } from '@shop/chassis';
import type { BusinessDay, Calendar } from '../domain/business-day.ts';
import { type ProductTotal, topOf } from '../domain/top.ts';
import { createFresh } from './fresh.ts';
import { type Board, MAX_POPULAR, type SalesReads } from './ports.ts';

interface Dependencies {
  readonly board: Pick<Board, 'connected' | 'top'>;
  readonly reads: Pick<SalesReads, 'top' | 'namesOf'>;
  readonly calendar: Pick<Calendar, 'lastDays'>;
  /** The time by which the calendar goes. */
  readonly now: () => Date;
  /** ms since any moment, by a clock that is never set back: ages and pauses go by it. */
  readonly monotonic?: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A place of the list; the price in won, the quantity in pieces. */
export interface PopularProduct {
  readonly rank: number;
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly quantitySold: number;
}

/** The list for some days as it was at one time. */
export interface PopularList {
  readonly items: readonly PopularProduct[];
  /** When the list was correct, by `performance.now()`. */
  readonly at: number;
}

/** How long a list is shown without reading again, ms. */
const FRESH_MS = 1_000;
/** Longest age of a list while neither Redis nor MySQL answers, ms. */
const STALE_MS = 60_000;
/** How long Redis is not asked after a failure, ms: each call to a hanging server takes seconds. */
const REST_MS = 5_000;

/**
 * The most popular products of the last days. For each number of days, one read at a time serves all requests of a
 * second: from the sorted sets, or from the table while Redis is away or not loaded.
 */
export function createPopular({
  board,
  reads,
  calendar,
  now,
  monotonic = () => performance.now(),
  logger,
  metrics,
}: Dependencies) {
  const counted = metrics.counter('ranking_popular_reads_total', 'Lists of popular products made, by source', [
    'source',
  ]);
  let restUntil = Number.NEGATIVE_INFINITY;

  async function fromBoard(
    days: readonly BusinessDay[],
  ): Promise<{ totals: ProductTotal[]; ageMs: number } | undefined> {
    if (!board.connected || monotonic() < restUntil) return undefined;
    try {
      return await board.top(days, MAX_POPULAR);
    } catch (error) {
      logger.warn({ err: error }, 'popular products are read from the table: Redis does not answer');
      restUntil = monotonic() + REST_MS;
      return undefined;
    }
  }

  async function load(days: number): Promise<PopularList> {
    const at = monotonic();
    const dates = calendar.lastDays(now().getTime(), days);
    const fast = await fromBoard(dates);
    const totals = fast?.totals ?? (await reads.top(dates, MAX_POPULAR));
    counted.inc({ source: fast ? 'redis' : 'mysql' });
    const top = topOf(totals, MAX_POPULAR);
    const names = await reads.namesOf(top.map(({ productId }) => productId));
    // Names and totals are written in one transaction, so a total always has a name. The audit checks this.
    const items = top.flatMap(({ productId, quantity }) => {
      const known = names.get(productId);
      return known ? [{ productId, ...known, quantitySold: quantity }] : [];
    });
    return { items: items.map((item, index) => ({ rank: index + 1, ...item })), at: at - (fast?.ageMs ?? 0) };
  }

  return createFresh({
    load,
    freshMs: FRESH_MS,
    staleMs: STALE_MS,
    failed: (error) => logger.warn({ err: error }, 'the last list of popular products is given: there is no newer one'),
    now: monotonic,
  });
}

export type Popular = ReturnType<typeof createPopular>;
