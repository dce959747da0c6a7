import type { SqlExecutor, Transaction } from '@shop/chassis';
import type { BusinessDay } from '../domain/business-day.ts';
import type { NextGeneration } from '../domain/rebuild.ts';
import type { RankingState } from './ports.ts';

interface Totals {
  readonly generation: number;
  readonly days: number;
  /** Number of rows: one for each product and day. */
  readonly totals: number;
  readonly pieces: number;
}

/** The live generation and the rebuilt one, right before the swap. */
export interface Comparison {
  readonly live: Totals;
  readonly rebuilt: Totals;
  /** Number of differing totals, with examples. */
  readonly differing: number;
  readonly examples: readonly { day: BusinessDay; productId: number; live: number; rebuilt: number }[];
}

/** The statements of a rebuild in MySQL. */
export interface RebuildStore {
  /** Locks out every batch: the holder alone changes the generations. */
  lock(tx: Transaction): Promise<RankingState>;
  share(tx: Transaction): Promise<RankingState>;
  /** @returns the new generation, which batches write to after the commit */
  begin(tx: Transaction, replayId: number, firstDay: BusinessDay | undefined, at: Date): Promise<number>;
  /** Copies the next day that is not recounted, under `lock`. @returns false when no day is left */
  copyDay(tx: Transaction, live: number, next: NextGeneration, at: Date): Promise<boolean>;
  compare(database: SqlExecutor, live: number, rebuilt: number): Promise<Comparison>;
  /**
   * Turns the rebuild's dead letters into the live group's. @returns the letters that the live group has applied, in
   * words: then nothing was changed, and the rebuilt generation lacks them
   */
  takeLetters(tx: Transaction, generation: number): Promise<string[]>;
  swap(tx: Transaction, generation: number, comparison: object, at: Date): Promise<void>;
  /** Ends the next generation. */
  end(tx: Transaction, at: Date): Promise<void>;
  /**
   * Merges a part of the generation's inbox, after `after`, into the live one.
   * @returns where the part ends; undefined at the end of the inbox
   */
  merge(database: SqlExecutor, generation: number, after: string): Promise<string | undefined>;
  /** Generations that may have leftovers. */
  leftovers(database: SqlExecutor): Promise<number[]>;
  /** Removes some rows of a generation that is neither live nor next. @returns how many */
  removePiece(tx: Transaction, generation: number): Promise<number>;
}
