import type { Metrics, Transaction, Transactor } from '@shop/chassis';
import { type Repair, repairOf } from '../domain/board.ts';
import type { BusinessDay, Calendar } from '../domain/business-day.ts';
import { type Board, KEPT_DAYS, type SalesReads, type SalesStore } from './ports.ts';

interface Dependencies {
  readonly board: Pick<Board, 'read' | 'repair'>;
  readonly reads: Pick<SalesReads, 'dayTable'>;
  readonly calendar: Pick<Calendar, 'lastDays'>;
  readonly now: () => Date;
  readonly metrics: Metrics;
}

/** A difference between a day's sorted set and the table, in words. */
export interface Difference {
  /** The day, or day/product. */
  readonly id: string;
  readonly detail: string;
}

export interface Reconciled {
  /** Number of days compared. */
  readonly days: number;
  readonly differences: Difference[];
  /** Number of entries written to or removed from Redis. */
  readonly repaired: number;
}

/**
 * Compares the kept days' sorted sets with the table and, with `execute`, makes them equal.
 *
 * Redis is read first, so that a write on its way is not taken for a wrong entry. An entry is changed only if it is
 * still as it was read, so that neither a newer write nor another instance's repair is undone; a difference missed for
 * that reason is found the next time.
 */
export function createRepairBoard({ board, reads, calendar, now, metrics }: Dependencies) {
  const repairs = metrics.counter(
    'ranking_board_repairs_total',
    'Entries of the sorted sets that a repair had to change',
  );
  return async ({ execute }: { execute: boolean }): Promise<Reconciled> => {
    const differences: Difference[] = [];
    let repaired = 0;
    for (const day of calendar.lastDays(now().getTime(), KEPT_DAYS)) {
      const seen = await board.read(day);
      const repair = repairOf(seen, await reads.dayTable(day));
      if (!repair) continue;
      differences.push(...describe(day, repair));
      if (execute) repaired += await board.repair(day, repair);
    }
    repairs.inc(repaired);
    return { days: KEPT_DAYS, differences, repaired };
  };
}

export type RepairBoard = ReturnType<typeof createRepairBoard>;

interface RegularDependencies {
  readonly transactor: Transactor<Transaction>;
  readonly store: Pick<SalesStore, 'generations'>;
  readonly board: Pick<Board, 'connected'>;
  readonly repair: RepairBoard;
}

/** The repair as a job. It waits for a current swap of generations, and does nothing without Redis. */
export function createRepairRegularly({ transactor, store, board, repair }: RegularDependencies) {
  return async (): Promise<void> => {
    await transactor.transaction((tx) => store.generations(tx));
    if (board.connected) await repair({ execute: true });
  };
}

function describe(day: BusinessDay, { seenGeneration, generation, corrections }: Repair): Difference[] {
  if (seenGeneration !== generation) {
    const detail = `${seenGeneration === undefined ? 'not loaded' : `of generation ${seenGeneration}`}; the table is of generation ${generation} with ${corrections.length} products`;
    return [{ id: day, detail }];
  }
  return corrections.map(({ productId, seenVersion, total }) => {
    const redis = seenVersion === undefined ? 'Redis does not know it' : `Redis is at version ${seenVersion}`;
    const table = total ? `the table has ${total.quantity} in version ${total.version}` : 'the table does not have it';
    return { id: `${day}/${productId}`, detail: `${redis}; ${table}` };
  });
}
