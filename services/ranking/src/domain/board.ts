/** A product's total of one day in the table. `version` rises with every change of the row. */
export interface DayTotal {
  readonly productId: number;
  readonly quantity: number;
  readonly version: number;
}

/** One day in the table: the live generation and its rows. */
export interface DayTable {
  readonly generation: number;
  readonly totals: readonly DayTotal[];
}

/** One day in Redis. The generation is undefined if the day was never loaded, or was lost. */
export interface DayBoard {
  readonly generation: number | undefined;
  readonly versions: ReadonlyMap<number, number>;
  readonly scores: ReadonlyMap<number, number>;
}

/** A product whose entry in Redis shall become `total`, or be removed, if its version is still the one read. */
export interface Correction {
  readonly productId: number;
  readonly seenVersion: number | undefined;
  readonly total: DayTotal | undefined;
}

/**
 * The changes that make a day's board equal to the table. `seenGeneration` differs from `generation` when the whole day
 * is replaced.
 */
export interface Repair {
  readonly seenGeneration: number | undefined;
  readonly generation: number;
  readonly corrections: readonly Correction[];
}

/**
 * The differences of a day's board from the table; undefined when there are none. The board must have been read before
 * the table: then every correct entry of the board is in the table, in that version or a later one.
 */
export function repairOf(board: DayBoard, { generation, totals }: DayTable): Repair | undefined {
  const isReplaced = board.generation !== generation;
  const corrections: Correction[] = totals
    .filter((total) => isReplaced || !agrees(board, total))
    .map((total) => ({
      productId: total.productId,
      seenVersion: isReplaced ? undefined : board.versions.get(total.productId),
      total,
    }));
  if (!isReplaced) {
    const known = new Set(totals.map(({ productId }) => productId));
    for (const productId of new Set([...board.versions.keys(), ...board.scores.keys()]))
      if (!known.has(productId))
        corrections.push({ productId, seenVersion: board.versions.get(productId), total: undefined });
  }
  if (!isReplaced && corrections.length === 0) return undefined;
  return { seenGeneration: board.generation, generation, corrections };
}

function agrees({ versions, scores }: DayBoard, { productId, quantity, version }: DayTotal): boolean {
  return versions.get(productId) === version && scores.get(productId) === (quantity > 0 ? quantity : undefined);
}
