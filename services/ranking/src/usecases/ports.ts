import type { Transaction } from '@shop/chassis';
import type { DayBoard, DayTable, DayTotal, Repair } from '../domain/board.ts';
import type { BusinessDay } from '../domain/business-day.ts';
import type { Generations } from '../domain/rebuild.ts';
import type { ProductName, Sale } from '../domain/sales.ts';
import type { ProductTotal } from '../domain/top.ts';

/** Totals of one day that were just committed. */
export interface ChangedDay {
  readonly day: BusinessDay;
  readonly totals: readonly DayTotal[];
}

/** The generations, and the rebuild (its row in `replay`) that the next one belongs to. */
export type RankingState = Generations & { readonly replayId: number | undefined };

/** The totals in MySQL: the truth. */
export interface SalesStore {
  /**
   * The generation whose totals are shown, and one that is rebuilt. It stays so until the transaction ends: a swap
   * waits.
   */
  generations(tx: Transaction): Promise<Generations>;
  /** Adds to the totals of a generation. `sales` are in the order of day and product. @returns the totals after it */
  add(tx: Transaction, generation: number, sales: readonly Sale[], at: Date): Promise<ChangedDay[]>;
  /** Keeps what is better known than before. `names` are in the order of product ids. */
  keepNames(tx: Transaction, names: readonly ProductName[], at: Date): Promise<void>;
}

/** Reads of what is committed. */
export interface SalesReads {
  /** The live generation's day. */
  dayTable(day: BusinessDay): Promise<DayTable>;
  /** The best-sold of these consecutive days, in the order of `topOf`. */
  top(days: readonly BusinessDay[], limit: number): Promise<ProductTotal[]>;
  namesOf(productIds: readonly number[]): Promise<Map<number, { name: string; price: number }>>;
}

/** The sorted sets in Redis: made from the table, and never further from it than the next repair. */
export interface Board {
  /** False while there is no connection: every call would reject. */
  readonly connected: boolean;
  /**
   * Sets the totals that are newer than what is there.
   * @returns false if the day is not loaded with this generation: nothing was set, and the day needs a repair
   */
  set(generation: number, changed: ChangedDay): Promise<boolean>;
  read(day: BusinessDay): Promise<DayBoard>;
  /** Carries out a repair where nothing has changed since. @returns how many entries it wrote or removed */
  repair(day: BusinessDay, repair: Repair): Promise<number>;
  /**
   * At least the `limit` best-sold of these days, latest first, and all that equal the last of them; their age, ms.
   * Undefined where a day is not loaded, or the days are of different generations.
   */
  top(days: readonly BusinessDay[], limit: number): Promise<{ totals: ProductTotal[]; ageMs: number } | undefined>;
}

/** Days that Redis keeps, and that can be asked for. */
export const KEPT_DAYS = 7;
/** Products that can be asked for. */
export const MAX_POPULAR = 100;
