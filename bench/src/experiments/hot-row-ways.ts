import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  createBatcher,
  insertRows,
  isDuplicateKey,
  type PooledDatabase,
  placeholders,
  type SqlExecutor,
  succeeded,
} from '@shop/chassis';
import type { Answer, Change } from './hot-row.ts';

/** One way to change a hot row. */
export interface Way {
  readonly name: string;
  submit(change: Change): Promise<Answer>;
  /** Turns beyond the first: after an outdated version, or after a deadlock. */
  readonly retries: number;
}

/** An optimistic change gives up after this time without success, like its caller. */
const PATIENCE_MS = 30_000;
const MAX_BACK_OFF_MS = 64;

/** The name of the way that is wrong. */
export const UNGUARDED = 'no guard: read, then write';

class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

export const WAYS: readonly ((database: PooledDatabase) => Way)[] = [
  rowLock,
  conditional,
  optimistic,
  optimisticWithBackOff,
  batched,
];

/** Locks the row, decides on its value, writes. */
function rowLock(database: PooledDatabase): Way {
  return oneByOne('row lock (`SELECT … FOR UPDATE`)', database, async (tx, change) => {
    const value = await readValue(tx, change.rowId, 'FOR UPDATE');
    if (value + change.delta < 0) return 'refused';
    await tx.execute('UPDATE hot_rows SET value = ? WHERE id = ?', [value + change.delta, change.rowId]);
    await insertEntry(tx, change);
    return 'done';
  });
}

/** Lets the statement decide. */
function conditional(database: PooledDatabase): Way {
  return oneByOne('conditional update (`… WHERE value >= n`)', database, async (tx, change) => {
    const { affectedRows } = await tx.execute('UPDATE hot_rows SET value = value + ? WHERE id = ? AND value + ? >= 0', [
      change.delta,
      change.rowId,
      change.delta,
    ]);
    if (affectedRows === 0) return 'refused';
    await insertEntry(tx, change);
    return 'done';
  });
}

/** Reads without a lock and writes if the version is unchanged, else starts again at once. */
function optimistic(database: PooledDatabase): Way {
  return optimisticWay('optimistic (version column)', database, () => nextTurn());
}

/** The same with a random pause before each further turn, which may double each time. */
function optimisticWithBackOff(database: PooledDatabase): Way {
  return optimisticWay('optimistic, with back-off', database, (turn) =>
    sleep(Math.random() * Math.min(2 ** turn, MAX_BACK_OFF_MS)),
  );
}

function optimisticWay(name: string, database: PooledDatabase, pause: (turn: number) => Promise<unknown>): Way {
  const way = {
    name,
    retries: 0,
    async submit(change: Change): Promise<Answer> {
      const end = performance.now() + PATIENCE_MS;
      for (let turn = 0; performance.now() < end; turn++) {
        if (turn > 0) {
          way.retries++;
          await pause(turn);
        }
        const answer = await orRepeat(change, () => tryOptimistically(database, change));
        if (answer) return answer;
      }
      throw new GaveUp(`no success within ${PATIENCE_MS} ms`);
    },
  };
  return way;
}

/**
 * Reads and writes in one transaction, so on one connection. Otherwise the queue for a second connection would make
 * every version outdated.
 * @returns undefined when another change was written in between
 */
function tryOptimistically(database: PooledDatabase, change: Change): Promise<Answer | undefined> {
  return database.transaction(async (tx): Promise<Answer | undefined> => {
    const [row] = await tx.query<{ value: number; version: number }>(
      'SELECT value, version FROM hot_rows WHERE id = ?',
      [change.rowId],
    );
    if (!row || row.value + change.delta < 0) return 'refused';
    const { affectedRows } = await tx.execute(
      'UPDATE hot_rows SET value = ?, version = version + 1 WHERE id = ? AND version = ?',
      [row.value + change.delta, change.rowId, row.version],
    );
    if (affectedRows === 0) return undefined;
    await insertEntry(tx, change);
    return 'done';
  });
}

/** One transaction for all waiting changes: lock once, decide in memory in the order of asking, write once. */
function batched(database: PooledDatabase): Way {
  let retries = 0;
  const batcher = createBatcher<Change, Answer>({
    name: 'hot-row',
    run: async (changes) => {
      let turn = 0;
      const answers = await database.transaction((tx) => {
        if (turn++ > 0) retries++;
        return decideBatch(tx, changes);
      });
      return answers.map(succeeded);
    },
  });
  return {
    name: 'batched (one transaction for all that wait)',
    submit: batcher.submit,
    get retries() {
      return retries;
    },
  };
}

async function decideBatch(tx: SqlExecutor, changes: readonly Change[]): Promise<Answer[]> {
  const rowId = changes[0]?.rowId ?? 0;
  const before = await readValue(tx, rowId, 'FOR UPDATE');
  const once = changes.filter(({ onlyOnce }) => onlyOnce).map(({ userId }) => userId);
  const have = new Set(once.length === 0 ? [] : await whoHas(tx, rowId, once));
  let value = before;
  const admitted: Change[] = [];
  const answers = changes.map((change): Answer => {
    if (change.onlyOnce && have.has(change.userId)) return 'repeat';
    if (value + change.delta < 0) return 'refused';
    value += change.delta;
    have.add(change.userId);
    admitted.push(change);
    return 'done';
  });
  if (admitted.length > 0) {
    await tx.execute('UPDATE hot_rows SET value = ? WHERE id = ?', [value, rowId]);
    await insertRows(tx, 'entries', ENTRY_COLUMNS, admitted.map(entryRow));
  }
  return answers;
}

async function whoHas(tx: SqlExecutor, rowId: number, users: readonly number[]): Promise<number[]> {
  const rows = await tx.query<{ userId: number }>(
    `SELECT only_once AS userId FROM entries WHERE row_id = ? AND only_once IN (${placeholders(users.length)})`,
    [rowId, ...users],
  );
  return rows.map(({ userId }) => userId);
}

/** The wrong way, to show that the check detects it: reads without a lock and writes the computed value. */
export function unguarded(database: PooledDatabase): Way {
  return oneByOne(UNGUARDED, database, async (tx, change) => {
    const value = await readValue(tx, change.rowId, '');
    if (value + change.delta < 0) return 'refused';
    await tx.execute('UPDATE hot_rows SET value = ? WHERE id = ?', [value + change.delta, change.rowId]);
    await insertEntry(tx, change);
    return 'done';
  });
}

function oneByOne(
  name: string,
  database: PooledDatabase,
  decide: (tx: SqlExecutor, change: Change) => Promise<Answer>,
): Way {
  const way = {
    name,
    retries: 0,
    async submit(change: Change): Promise<Answer> {
      let turn = 0;
      return await orRepeat(change, () =>
        database.transaction((tx) => {
          if (turn++ > 0) way.retries++;
          return decide(tx, change);
        }),
      );
    },
  };
  return way;
}

/** The unique key decides whether the user has an entry already; then the transaction has taken nothing. */
async function orRepeat<T>(change: Change, work: () => Promise<T>): Promise<T | 'repeat'> {
  try {
    return await work();
  } catch (error) {
    if (change.onlyOnce && isDuplicateKey(error)) return 'repeat';
    throw error;
  }
}

async function readValue(tx: SqlExecutor, rowId: number, lock: 'FOR UPDATE' | ''): Promise<number> {
  const [row] = await tx.query<{ value: number }>(`SELECT value FROM hot_rows WHERE id = ? ${lock}`, [rowId]);
  if (!row) throw new Error(`there is no hot row ${rowId}`);
  return row.value;
}

const ENTRY_COLUMNS = ['row_id', 'user_id', 'delta', 'only_once'];
const entryRow = ({ rowId, userId, delta, onlyOnce }: Change) => [rowId, userId, delta, onlyOnce ? userId : null];

async function insertEntry(tx: SqlExecutor, change: Change): Promise<void> {
  await insertRows(tx, 'entries', ENTRY_COLUMNS, [entryRow(change)]);
}
