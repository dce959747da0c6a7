import type { Database, Logger, Transaction } from '@shop/chassis';
import {
  EVENTS,
  type KafkaAdmin,
  lockReplay,
  type RebuildTools,
  ReplayCancelledError,
  watchBeginning,
} from '@shop/events';
import type { BusinessDay, Calendar } from '../domain/business-day.ts';
import { firstRecountedDay, type NextGeneration } from '../domain/rebuild.ts';
import type { RankingState, RebuildStore, SalesStore } from './ports.ts';
import type { RepairBoard } from './repair-board.ts';

export const GROUP = 'ranking';
export const SALES = [EVENTS['order-completed'].topic];

/** Shared by all steps of a rebuild. */
export interface RebuildContext {
  readonly database: Database;
  readonly store: RebuildStore;
  readonly sales: SalesStore;
  readonly calendar: Pick<Calendar, 'dayOf'>;
  readonly now: () => Date;
  readonly repair: RepairBoard;
  readonly logger: Logger;
}

/**
 * Takes the locks of a rebuild, for a step not yet done.
 * @throws {ReplayCancelledError} when its generation is no longer the next one
 */
export async function lockRebuild(
  { store }: Pick<RebuildContext, 'store'>,
  tx: Transaction,
  id: number,
  generation: number,
): Promise<RankingState & { readonly next: NextGeneration }> {
  const { next, ...state } = await store.lock(tx);
  await lockReplay(tx, id);
  if (next?.generation !== generation) throw new ReplayCancelledError(`generation ${generation} is gone`);
  return { ...state, next };
}

/** The first day that the topics still hold completely; undefined while nothing is removed from their beginning. */
export async function firstHeldDay(
  { calendar }: Pick<RebuildContext, 'calendar'>,
  log: KafkaAdmin,
): Promise<BusinessDay | undefined> {
  return firstRecountedDay(await log.heldSince(SALES), calendar.dayOf);
}

/**
 * The first day to recount: earlier ones are copied from the live generation. Undefined: all days. Topics that were
 * made anew, and perhaps filled again, lack days though nothing is removed from their beginning.
 */
export async function firstDayToCount(
  context: Pick<RebuildContext, 'calendar' | 'database' | 'store' | 'now'>,
  { log, codec, mayGoOn }: RebuildTools,
): Promise<BusinessDay | undefined> {
  const { calendar, database, store, now } = context;
  const held = await firstHeldDay(context, log);
  const firstDay = await store.firstDay(database);
  if (held !== undefined || firstDay === undefined) return held;
  const beginning = watchBeginning({
    ...{ codec, dayOf: calendar.dayOf, firstDay, now: now().getTime() },
    type: 'order-completed',
    timeOf: (event) => (event.type === 'order-completed' ? event.data.completedAt : undefined),
  });
  await log.readRuns(await log.ranges(SALES), async (records) => {
    await mayGoOn();
    for (const record of records) await beginning.add(record);
  });
  return firstRecountedDay(beginning.since(), calendar.dayOf);
}
