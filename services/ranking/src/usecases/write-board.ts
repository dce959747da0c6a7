import type { Logger, Metrics } from '@shop/chassis';
import type { DayTotal } from '../domain/board.ts';
import type { BusinessDay, Calendar } from '../domain/business-day.ts';
import { type Board, type ChangedDay, KEPT_DAYS } from './ports.ts';

interface Dependencies {
  readonly board: Pick<Board, 'connected' | 'set'>;
  /** Whether Redis keeps this day. */
  readonly keeps: (day: BusinessDay) => boolean;
  /** Called when a day is not loaded. */
  readonly askRepair: () => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Whether Redis keeps a day: one of the last days of the shop. */
export function createKeeps(calendar: Pick<Calendar, 'lastDays'>, now: () => Date): Dependencies['keeps'] {
  return (day) => calendar.lastDays(now().getTime(), KEPT_DAYS).includes(day);
}

/** Writes committed totals to Redis. */
export interface BoardWriter {
  /** Queues totals; only the latest version of a row is still written. */
  write(generation: number, changed: readonly ChangedDay[]): void;
  /** Resolves when no totals are queued. */
  settled(): Promise<void>;
}

/**
 * Writes after the commits, one write at a time, so that a slow Redis never slows consumption. Writes lost here (Redis
 * away, the process killed) are found and corrected by the repair, so nothing waits for them or is kept.
 */
export function createBoardWriter({ board, keeps, askRepair, logger, metrics }: Dependencies): BoardWriter {
  const lost = metrics.counter(
    'ranking_board_writes_lost_total',
    'Totals that did not reach Redis and wait for a repair',
  );
  let waiting = new Map<string, { generation: number; day: BusinessDay; totals: Map<number, DayTotal> }>();
  let writing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    try {
      while (waiting.size > 0) {
        const taken = [...waiting.values()];
        waiting = new Map();
        for (const { generation, day, totals } of taken)
          await writeDay(generation, { day, totals: [...totals.values()] });
      }
    } finally {
      // Set in the turn that found nothing waiting: totals that come in a later turn begin a new run.
      writing = undefined;
    }
  }

  async function writeDay(generation: number, changed: ChangedDay): Promise<void> {
    try {
      if (board.connected) {
        if (!(await board.set(generation, changed))) askRepair();
        return;
      }
    } catch (error) {
      logger.warn({ err: error, day: changed.day }, 'totals did not reach Redis; the repair will bring them');
    }
    lost.inc(changed.totals.length);
  }

  return {
    write(generation, changed) {
      for (const { day, totals } of changed) {
        if (!keeps(day)) continue;
        const key = `${generation}/${day}`;
        const entry = waiting.get(key) ?? { generation, day, totals: new Map<number, DayTotal>() };
        waiting.set(key, entry);
        for (const total of totals) {
          // Batches of one process may commit in another order than they arrive here.
          const before = entry.totals.get(total.productId);
          if (!before || before.version < total.version) entry.totals.set(total.productId, total);
        }
      }
      if (waiting.size > 0) writing ??= drain();
    },
    async settled() {
      while (writing) await writing;
    },
  };
}
