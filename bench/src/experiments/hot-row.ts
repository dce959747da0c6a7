import type { PooledDatabase } from '@shop/chassis';
import { WrongResult } from './experiment.ts';

/**
 * The tables of all three cases: one row that many change at once, never below 0, and one entry for each change made.
 * Stock and its sales, a balance and its history, a coupon policy and its coupons.
 */
export const HOT_ROW_TABLES = [
  `CREATE TABLE hot_rows (
    id      BIGINT NOT NULL PRIMARY KEY,
    value   BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 0
  ) ENGINE = InnoDB`,
  // only_once is the user's id where each may have only one (coupons), else NULL.
  `CREATE TABLE entries (
    id        BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    row_id    BIGINT NOT NULL,
    user_id   BIGINT NOT NULL,
    delta     BIGINT NOT NULL,
    only_once BIGINT NULL,
    UNIQUE KEY entries_once (row_id, only_once),
    KEY entries_row (row_id)
  ) ENGINE = InnoDB`,
];

export interface Change {
  readonly rowId: number;
  readonly userId: number;
  readonly delta: number;
  readonly onlyOnce: boolean;
}

/** done; refused: the row's value is too small; repeat: this user already has an entry. */
export type Answer = 'done' | 'refused' | 'repeat';

export async function createHotRow(database: PooledDatabase, rowId: number, value: number): Promise<void> {
  await database.execute('INSERT INTO hot_rows (id, value) VALUES (?, ?)', [rowId, value]);
}

export interface Told {
  readonly change: Change;
  readonly answer: Answer;
}

/** The contradictions between the row, its entries and the callers' answers; empty when there are none. */
export async function faultsOf(
  database: PooledDatabase,
  rowId: number,
  initial: number,
  told: readonly Told[],
): Promise<string[]> {
  const [row] = await database.query<{ value: number }>('SELECT value FROM hot_rows WHERE id = ?', [rowId]);
  const [entries] = await database.query<{ count: number; sum: number }>(
    'SELECT COUNT(*) AS count, COALESCE(SUM(delta), 0) AS sum FROM entries WHERE row_id = ?',
    [rowId],
  );
  const value = row?.value ?? Number.NaN;
  const { count, sum } = entries ?? { count: Number.NaN, sum: Number.NaN };
  const done = told.filter(({ answer }) => answer === 'done');
  const refused = told.filter(({ answer }) => answer === 'refused');
  const repeats = told.filter(({ answer }) => answer === 'repeat');
  const served = new Set(done.map(({ change }) => change.userId));
  const doneSum = done.reduce((total, { change }) => total + change.delta, 0);
  return [
    ...(initial + sum >= 0 ? [] : [`${-(initial + sum)} more were given than there were`]),
    ...(value === initial + sum ? [] : [`the row has ${value} and should have ${initial + sum}`]),
    ...(count === done.length ? [] : [`${done.length} were told "done", and there are ${count} entries`]),
    ...(sum === doneSum ? [] : [`the entries sum to ${sum}, and ${doneSum} was told`]),
    ...(refused.some(({ change }) => value + change.delta >= 0) ? [`some were refused although ${value} is left`] : []),
    ...(repeats.every(({ change }) => served.has(change.userId)) ? [] : ['a user without one was told "repeat"']),
  ];
}

/** @throws WrongResult for any fault */
export async function expectRight(
  what: string,
  database: PooledDatabase,
  rowId: number,
  initial: number,
  told: readonly Told[],
): Promise<void> {
  const faults = await faultsOf(database, rowId, initial, told);
  if (faults.length > 0) throw new WrongResult(`${what}: ${faults.join('; ')}`);
}
