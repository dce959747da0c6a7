import { OutageError, type Transaction } from '@shop/chassis';
import {
  anyEvents,
  EVENTS,
  lockReplay,
  type RebuildTools,
  type RebuildWork,
  ReplayCancelledError,
  resetReplay,
} from '@shop/events';
import type { BusinessDay } from '../domain/business-day.ts';
import { type NextGeneration, saleDayOf, shareOf } from '../domain/rebuild.ts';
import { SALES_EVENTS, wantsSale } from '../domain/sales.ts';
import { applySales, type HeardSale, inboxOf } from './apply-sales.ts';
import { firstDayToCount, lockRebuild, type RebuildContext, SALES } from './rebuild-context.ts';
import { settleRebuild } from './rebuild-settle.ts';
import { swapGenerations } from './rebuild-swap.ts';

const NAMES = [EVENTS['product-changed'].topic];
/** Batch size of a rebuild: smaller than the live group's, which locks the same rows. */
const BATCH = 200;

/**
 * Steps 1 and 2 of a rebuild: names the next generation and copies days that the topics no longer hold.
 * @returns the work of step 3, for the replayer
 */
export async function beginRebuild(context: RebuildContext, id: number, tools: RebuildTools): Promise<RebuildWork> {
  const { calendar, logger } = context;
  const { log, mayGoOn } = tools;
  await settleRebuild(context, { mayGoOn });
  const next = await nameGeneration(context, id, await firstDayToCount(context, tools));
  const { generation } = next;
  logger.info({ generation, firstDay: next.firstDay }, 'rebuild: batches write to both generations');
  do await mayGoOn();
  while (await copyDay(context, id, generation));

  return {
    // Names too: when the tables were lost, orders since then have told some, and the inbox lacks the others' changes.
    topics: [...SALES, ...NAMES],
    subscription: recounting(context, generation),
    // Sales of days that were already copied are left to the live group. If they were claimed here, the merge would
    // make the live group skip them.
    takes: (event) => {
      const day = saleDayOf(event, calendar.dayOf);
      return day === undefined || shareOf(day, next) === 'recounted';
    },
    end: () => swapGenerations(context, id, next, log),
  };
}

/** @returns the rebuild's generation: a new one, or the one begun before a crash */
async function nameGeneration(
  { database, store, now }: RebuildContext,
  id: number,
  firstDay: BusinessDay | undefined,
): Promise<NextGeneration> {
  return await database.transaction(async (tx) => {
    const state = await store.lock(tx);
    await lockReplay(tx, id);
    if (state.next && state.replayId === id) return state.next;
    if (state.next) throw new OutageError('what is left of another rebuild is not settled yet');
    // Progress of a generation that is gone (the tables were emptied once more) must not be kept.
    await resetReplay(tx, id);
    return { generation: await store.begin(tx, id, firstDay, now()), firstDay, copiedDay: undefined };
  });
}

/** @returns false when no day is left */
async function copyDay(context: RebuildContext, id: number, generation: number): Promise<boolean> {
  const { database, store, now } = context;
  return await database.transaction(async (tx) => {
    const { live, next } = await lockRebuild(context, tx, id, generation);
    return await store.copyDay(tx, live, next, now());
  });
}

/** Counts sales read from the topics into the generation, with its own inbox. */
function recounting({ store, sales, calendar, now }: RebuildContext, generation: number): RebuildWork['subscription'] {
  const handle = async (tx: Transaction, events: readonly HeardSale[]) => {
    // An instance that still believes it is rebuilding, long after another has swapped, must not count into the live
    // one.
    const state = await store.share(tx);
    if (state.next?.generation !== generation || state.live === generation)
      throw new ReplayCancelledError(`generation ${generation} is not being rebuilt any more`);
    await applySales({ store: sales, calendar, now }, tx, generation, events);
  };
  return anyEvents({
    group: inboxOf(generation),
    handles: SALES_EVENTS,
    wants: wantsSale,
    // No parking: sums do not depend on the order, and this inbox has no redriver.
    parks: false,
    maxBatch: BATCH,
    handle,
  });
}
