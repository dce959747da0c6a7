import type { SqlExecutor, Transaction } from '@shop/chassis';
import type { DayBoard, DayTable, DayTotal, Repair } from '../domain/board.ts';
import type { BusinessDay } from '../domain/business-day.ts';
import type { Generations, NextGeneration } from '../domain/rebuild.ts';
import type { ProductName, Sale } from '../domain/sales.ts';
import type { ProductTotal } from '../domain/top.ts';

/** Totals of one day that were just committed. */
export interface ChangedDay {
  readonly day: BusinessDay;
  readonly totals: readonly DayTotal[];
}

/** The generations, and the rebuild (its row in `replay`) of the next one. */
export type RankingState = Generations & { readonly replayId: number | undefined };

/** The totals in MySQL, the source of truth. */
export interface SalesStore {
  /** The live generation, and one being rebuilt. They stay the same until the transaction ends: a swap waits. */
  generations(tx: Transaction): Promise<Generations>;
  /** Adds to a generation's totals. `sales` are sorted by day and product. @returns the new totals */
  add(tx: Transaction, generation: number, sales: readonly Sale[], at: Date): Promise<ChangedDay[]>;
  /** Keeps names that are newer than the stored ones. `names` are sorted by product id. */
  keepNames(tx: Transaction, names: readonly ProductName[], at: Date): Promise<void>;
}

/** Reads of committed rows. */
export interface SalesReads {
  /** A day of the live generation. */
  dayTable(day: BusinessDay): Promise<DayTable>;
  /** The best-sold products of these consecutive days, in the order of `topOf`. */
  top(days: readonly BusinessDay[], limit: number): Promise<ProductTotal[]>;
  namesOf(productIds: readonly number[]): Promise<Map<number, { name: string; price: number }>>;
}

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
  /** The first day of the live generation with any pieces; undefined while there is none. */
  firstDay(database: SqlExecutor): Promise<BusinessDay | undefined>;
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

/** The sorted sets in Redis: a copy of the table, corrected by the next repair at the latest. */
export interface Board {
  /** False without a connection: every call would reject. */
  readonly connected: boolean;
  /**
   * Sets totals with a higher version than the present one.
   * @returns false if the day is not loaded with this generation: nothing was set, and the day needs a repair
   */
  set(generation: number, changed: ChangedDay): Promise<boolean>;
  read(day: BusinessDay): Promise<DayBoard>;
  /** Carries out a repair of entries unchanged since it was computed. @returns how many entries it wrote or removed */
  repair(day: BusinessDay, repair: Repair): Promise<number>;
  /**
   * At least the `limit` best-sold products of these days, latest first, including all equal to the last; and their
   * age, ms. Undefined if a day is not loaded, or the days are of different generations.
   */
  top(days: readonly BusinessDay[], limit: number): Promise<{ totals: ProductTotal[]; ageMs: number } | undefined>;
}

/** Number of days kept in Redis, which is also the most that can be asked for. */
export const KEPT_DAYS = 7;
/** Most products that can be asked for. */
export const MAX_POPULAR = 100;
