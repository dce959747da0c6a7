import { type Database, type Logger, OutageError, type SqlExecutor, type Transaction } from '@shop/chassis';
import {
  anyEvents,
  EVENTS,
  finishReplay,
  isOpen,
  type KafkaAdmin,
  lagOf,
  lockReplay,
  type Rebuild,
  type RebuildTools,
  ReplayCancelledError,
  resetReplay,
} from '@shop/events';
import type { BusinessDay, Calendar } from '../domain/business-day.ts';
import { firstRecountedDay, type NextGeneration, saleDayOf, shareOf } from '../domain/rebuild.ts';
import { SALES_EVENTS, wantsSale } from '../domain/sales.ts';
import { applySales, type HeardSale, inboxOf } from './apply-sales.ts';
import type { RankingState, SalesStore } from './ports.ts';
import type { RepairBoard } from './repair-board.ts';

const GROUP = 'ranking';
const SALES = [EVENTS['order-completed'].topic];
const NAMES = [EVENTS['product-changed'].topic];
/** Of a rebuild: below the live group's batches, which it shares the rows with. */
const BATCH = 200;

interface Totals {
  readonly generation: number;
  readonly days: number;
  /** Rows: a product's of a day. */
  readonly totals: number;
  readonly pieces: number;
}

/** The live generation and the rebuilt one, right before the swap. */
export interface Comparison {
  readonly live: Totals;
  readonly rebuilt: Totals;
  /** Totals that differ, and some of them. */
  readonly differing: number;
  readonly examples: readonly { day: BusinessDay; productId: number; live: number; rebuilt: number }[];
}

/** What a rebuild does to MySQL. */
export interface RebuildStore {
  /** Against every batch: whoever holds it decides alone which generations there are. */
  lock(tx: Transaction): Promise<RankingState>;
  share(tx: Transaction): Promise<RankingState>;
  /** @returns the new generation, which batches write to from the commit on */
  begin(tx: Transaction, replayId: number, firstDay: BusinessDay | undefined, at: Date): Promise<number>;
  /** Copies the next day that is not recounted, under `lock`. @returns false when there was none left */
  copyDay(tx: Transaction, live: number, next: NextGeneration, at: Date): Promise<boolean>;
  compare(database: SqlExecutor, live: number, rebuilt: number): Promise<Comparison>;
  /**
   * Makes the rebuild's dead letters the live group's. @returns those that the live group has applied, in words: then
   * nothing was changed, and the rebuilt generation lacks them
   */
  takeLetters(tx: Transaction, generation: number): Promise<string[]>;
  swap(tx: Transaction, generation: number, comparison: object, at: Date): Promise<void>;
  /** There is no next generation any more. */
  end(tx: Transaction, at: Date): Promise<void>;
  /**
   * Puts a piece of the generation's inbox, behind `after`, into the live one.
   * @returns where it ends; undefined: at the end
   */
  merge(database: SqlExecutor, generation: number, after: string): Promise<string | undefined>;
  /** Generations of which something may be left that is not wanted any more. */
  leftovers(database: SqlExecutor): Promise<number[]>;
  /** Removes some rows of it, if it is neither live nor the next. @returns how many */
  removePiece(tx: Transaction, generation: number): Promise<number>;
}

interface Dependencies {
  readonly database: Database;
  readonly store: RebuildStore;
  readonly sales: SalesStore;
  readonly calendar: Pick<Calendar, 'dayOf'>;
  readonly now: () => Date;
  readonly repair: RepairBoard;
  readonly logger: Logger;
  /** Called when something may be left to `settle`. */
  readonly letGo: () => void;
}

/**
 * Counts all sales anew into a generation of its own and puts that in the live one's place (docs/adr/0017). Each step
 * is one transaction that holds ranking_state, and finds out there whether it has been done:
 *
 * 1. begin: the next generation is named. It waits for the batches at work; every later one writes to both generations.
 * 2. copy: days that the topics no longer hold whole, one a transaction.
 * 3. read: the topics from their beginning up to where they ended after 1 (the replayer does it, in `subscription`).
 * 4. swap: one row. The rebuilt generation has counted whatever the live one has: read, copied, or written to both.
 * 5. settle: its inbox is merged into the live group's; until that is done, batches ask both. Then the rest is removed.
 */
export function createRebuild(dependencies: Dependencies): Rebuild & { settle(signal?: AbortSignal): Promise<void> } {
  const { database, store, sales, calendar, now, repair, logger, letGo } = dependencies;

  async function begin(id: number, { log, mayGoOn }: RebuildTools) {
    await settle(undefined, mayGoOn);
    const firstDay = await firstHeldDay(log);
    const next = await database.transaction(async (tx): Promise<NextGeneration> => {
      const state = await store.lock(tx);
      await lockReplay(tx, id);
      if (state.next && state.replayId === id) return state.next;
      if (state.next) throw new OutageError('what is left of another rebuild is not settled yet');
      // What was read for a generation that is gone (the tables were emptied once more) is read again.
      await resetReplay(tx, id);
      return { generation: await store.begin(tx, id, firstDay, now()), firstDay, copiedDay: undefined };
    });
    const { generation } = next;
    logger.info({ generation, firstDay: next.firstDay }, 'rebuild: batches write to both generations');
    do await mayGoOn();
    while (await copyDay(id, generation));

    const handle = async (tx: Transaction, events: readonly HeardSale[]) => {
      // Whoever believes to be still at it, long after another instance has swapped, must not count into what is live.
      const state = await store.share(tx);
      if (state.next?.generation !== generation || state.live === generation)
        throw new ReplayCancelledError(`generation ${generation} is not being rebuilt any more`);
      await applySales({ store: sales, calendar, now }, tx, generation, events);
    };
    const [named] = await database.query('SELECT 1 FROM products LIMIT 1');
    return {
      topics: named ? SALES : [...SALES, ...NAMES],
      subscription: anyEvents({
        group: inboxOf(generation),
        handles: SALES_EVENTS,
        wants: wantsSale,
        // Sums know no order, and nobody redrives for this inbox.
        parks: false,
        maxBatch: BATCH,
        handle,
      }),
      // Sales of days that were already copied are left to the live group. If they were claimed here, the merge would
      // make the live group skip them.
      takes: (event: Parameters<typeof saleDayOf>[0]) => {
        const day = saleDayOf(event, calendar.dayOf);
        return day === undefined || shareOf(day, next) === 'recounted';
      },
      end: () => end(id, next, log),
    };
  }

  async function copyDay(id: number, generation: number): Promise<boolean> {
    return await database.transaction(async (tx) => {
      const { live, next } = await store.lock(tx);
      await lockReplay(tx, id);
      if (next?.generation !== generation) throw new ReplayCancelledError(`generation ${generation} is gone`);
      return await store.copyDay(tx, live, next, now());
    });
  }

  async function end(id: number, { generation, firstDay }: NextGeneration, log: KafkaAdmin): Promise<void> {
    // KafkaJS goes on elsewhere without a word where retention was faster than the reading.
    const held = await firstHeldDay(log);
    if (held !== undefined && (firstDay === undefined || held > firstDay))
      throw new Error(`meanwhile the topics have lost a part of ${firstDay ?? 'their beginning'}: ask again`);
    const { live } = await database.transaction((tx) => store.share(tx));
    const behind = Number(await lagOf(log, GROUP, SALES));
    const comparison = { ...(await store.compare(database, live, generation)), firstDay: firstDay ?? null, behind };
    await database.transaction(async (tx) => {
      const { next } = await store.lock(tx);
      await lockReplay(tx, id);
      if (next?.generation !== generation) throw new ReplayCancelledError(`generation ${generation} is gone`);
      const lacking = await store.takeLetters(tx, generation);
      if (lacking.length > 0)
        throw new Error(`the live group has applied what the rebuild could not: ${lacking.join('; ')}`);
      await store.swap(tx, generation, comparison, now());
      await finishReplay(tx, id, 'DONE', now());
    });
    logger.info({ generation, differing: comparison.differing }, 'rebuild: the generation is live');
    // Should it fail, the job repairs.
    await repair({ execute: true }).catch((error: unknown) =>
      logger.warn({ err: error }, 'after a rebuild the sorted sets were not replaced at once'),
    );
  }

  async function firstHeldDay(log: KafkaAdmin): Promise<BusinessDay | undefined> {
    return firstRecountedDay(await log.heldSince(SALES), calendar.dayOf);
  }

  /**
   * Ends what is over: merges the inbox of a generation that has gone live, drops one that was cancelled or failed, and
   * removes their rows. Any number of instances may do so, at any time, and again after a crash.
   * @param mayGoOn asked before each piece; rejects when somebody else is at it, or this is to stop
   */
  async function settle(signal?: AbortSignal, mayGoOn: RebuildTools['mayGoOn'] = async () => {}): Promise<void> {
    const state = await database.transaction((tx) => store.share(tx));
    if (state.next && !(await settleNext(state.next.generation, state, signal, mayGoOn))) return;
    for (const generation of await store.leftovers(database)) {
      while (!signal?.aborted) {
        await mayGoOn();
        if ((await database.transaction((tx) => store.removePiece(tx, generation))) === 0) break;
      }
    }
  }

  /** @returns false while it is being built, or when stopped */
  async function settleNext(
    generation: number,
    { live, replayId }: RankingState,
    signal: AbortSignal | undefined,
    mayGoOn: RebuildTools['mayGoOn'],
  ): Promise<boolean> {
    if (live === generation) {
      for (let after: string | undefined = ''; after !== undefined; ) {
        if (signal?.aborted) return false;
        await mayGoOn();
        after = await store.merge(database, generation, after);
      }
    } else if (replayId !== undefined && (await isOpen(database, replayId))) return false;
    await database.transaction(async (tx) => {
      const state = await store.lock(tx);
      // Live already when this began, or never to be: a rebuild that was ended does not go on.
      if (state.next?.generation === generation && state.live === live) await store.end(tx, now());
    });
    return true;
  }

  return { group: GROUP, begin, letGo, settle };
}
