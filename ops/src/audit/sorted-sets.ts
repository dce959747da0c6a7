import { setTimeout as sleep } from 'node:timers/promises';
import type { SqlReader } from '../sql.ts';
import { dayIn } from './business-days.ts';
import type { Check, CheckResult, Finding, Suspect } from './check.ts';
import { finding } from './findings.ts';

/** A day in Redis: the generation it was loaded with, product → version, product → score. */
export interface SortedSet {
  readonly generation: number | undefined;
  readonly versions: ReadonlyMap<number, number>;
  readonly scores: ReadonlyMap<number, number>;
}

/** Redis does not answer. */
export class SetsUnreadableError extends Error {
  override readonly name = 'SetsUnreadableError';
}

/** Reads ranking's sorted sets. Rejects with a SetsUnreadableError while Redis is away. */
export interface SortedSets {
  read(day: string): Promise<SortedSet>;
}

interface Evidence {
  readonly sql: SqlReader;
  readonly sets: SortedSets;
  readonly timeZone: string;
  readonly graceMs: number;
}

export const SETS_CHECK: Pick<Check, 'invariant' | 'name' | 'title'> = {
  invariant: 10,
  name: 'sorted-sets-are-the-table',
  title: 'the sorted sets of the kept days equal the table',
};

const KEPT_DAYS = 7;
const DAY_MS = 86_400_000;
/** Pauses before looking again, ms: a total reaches Redis some milliseconds after its commit. */
const PAUSES = [100, 400];

/**
 * Invariant 10: compares the sorted sets of the kept days with the table. Only faults seen at every look are reported.
 */
export async function sortedSetFinding({ sql, sets, timeZone, graceMs }: Evidence): Promise<Finding> {
  const days = keptDays(timeZone);
  let result = await look(sql, sets, days);
  for (const pause of graceMs > 0 ? [...PAUSES, graceMs] : PAUSES) {
    if (result.suspects.length === 0) break;
    await sleep(pause);
    const before = new Set(result.suspects.map(({ id }) => id));
    const again = await look(sql, sets, days);
    result = { ...again, suspects: again.suspects.filter(({ id }) => before.has(id)) };
  }
  return finding(SETS_CHECK, result);
}

function keptDays(timeZone: string): string[] {
  const today = Date.parse(`${dayIn(timeZone, Date.now())}T00:00:00Z`);
  return Array.from({ length: KEPT_DAYS }, (_, back) => new Date(today - back * DAY_MS).toISOString().slice(0, 10));
}

async function look(sql: SqlReader, sets: SortedSets, days: readonly string[]): Promise<CheckResult> {
  const suspects: Suspect[] = [];
  let checked = 0;
  for (const day of days) {
    // The table is read before and after the set: a value between the two is right, whatever is written meanwhile.
    const before = await readDay(sql, day);
    const set = await sets.read(day);
    const after = await readDay(sql, day);
    const products = new Set([
      ...before.rows.keys(),
      ...after.rows.keys(),
      ...set.versions.keys(),
      ...set.scores.keys(),
    ]);
    checked += products.size;
    if (set.generation !== before.generation && set.generation !== after.generation) {
      if (set.generation === undefined && after.rows.size === 0) continue;
      const detail = `the set is of generation ${set.generation ?? '(not loaded)'}, the table of ${after.generation}`;
      suspects.push({ id: day, detail });
      continue;
    }
    for (const product of products) {
      const found = { version: set.versions.get(product) ?? 0, score: set.scores.get(product) ?? 0 };
      const [low, high] = [rowOf(before, product), rowOf(after, product)];
      const isRight = [low, high].some(
        (row) => found.version === row.version && found.score === Math.max(0, row.quantity),
      );
      if (isRight || (found.version > low.version && found.version < high.version)) continue;
      const detail = `the set has ${found.score} (version ${found.version}), the table ${high.quantity} (version ${high.version})`;
      suspects.push({ id: `${day}/${product}`, detail });
    }
  }
  return { checked, suspects };
}

interface TableDay {
  readonly generation: number | undefined;
  readonly rows: ReadonlyMap<number, { readonly quantity: number; readonly version: number }>;
}

async function readDay(sql: SqlReader, day: string): Promise<TableDay> {
  const rows = await sql.query<{ generation: number; productId: number | null; quantity: number; version: number }>(
    `SELECT s.live_generation AS generation, d.product_id AS productId, d.quantity, d.version
       FROM shop_ranking.ranking_state s
       LEFT JOIN shop_ranking.daily_product_sales d ON d.generation = s.live_generation AND d.business_day = ?
      WHERE s.id = 1`,
    [day],
  );
  const known = rows.flatMap(({ productId, quantity, version }) =>
    productId === null ? [] : [[productId, { quantity, version }] as const],
  );
  return { generation: rows[0]?.generation, rows: new Map(known) };
}

function rowOf({ rows }: TableDay, product: number): { quantity: number; version: number } {
  return rows.get(product) ?? { quantity: 0, version: 0 };
}
