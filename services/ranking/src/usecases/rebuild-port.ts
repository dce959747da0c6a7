import type { SqlExecutor, Transaction } from '@shop/chassis';
import type { BusinessDay } from '../domain/business-day.ts';
import type { NextGeneration } from '../domain/rebuild.ts';
import type { RankingState } from './ports.ts';

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
