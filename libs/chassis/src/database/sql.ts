import type { SqlExecutor, SqlValue } from './transaction.ts';

/**
 * Far below any server's max_allowed_packet (MySQL 64 MiB, MariaDB 16 MiB), because long statements hold locks longer.
 */
const MAX_CHUNK_BYTES = 1024 * 1024;
const MAX_CHUNK_ROWS = 1000;

/** `?,?,?`: one placeholder a value, for IN lists. Throws on 0, which SQL cannot express. */
export function placeholders(count: number): string {
  if (count < 1) throw new RangeError('placeholders: at least one value is needed');
  return '?,'.repeat(count - 1).concat('?');
}

export interface InsertOptions {
  /**
   * INSERT IGNORE: rows whose key exists are left out. It also turns data errors into warnings, so the values must be
   * known to fit. An existing row gets a shared lock: do not lock it exclusively later in the same transaction.
   */
  readonly ignore?: boolean;
  /** The clause after ON DUPLICATE KEY UPDATE, e.g. `quantity = quantity + VALUES(quantity)`. */
  readonly onDuplicateUpdate?: string;
}

/**
 * Multi-row INSERT in as few statements as is safe. Table and column names are trusted text, never input.
 * @returns the affected rows the server counts: with `ignore`, exactly the rows inserted.
 */
export async function insertRows(
  tx: SqlExecutor,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  options: InsertOptions = {},
): Promise<number> {
  const done = await insertChunks(tx, table, columns, rows, options);
  return done.reduce((sum, { inserted }) => sum + inserted, 0);
}

/** One INSERT of several rows, and its outcome. */
interface InsertedChunk {
  /** The rows of the statement: `count` from number `start`. */
  readonly start: number;
  readonly count: number;
  /** The affected rows the server counts: with `ignore`, those that were new. */
  readonly inserted: number;
  /** The number of the first new row. The others follow it within as many steps as the statement has rows. */
  readonly insertId: number;
}

/** As `insertRows` with `ignore`, into a table with an AUTO_INCREMENT column. @returns what each statement did */
export function insertNew(
  tx: SqlExecutor,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
): Promise<InsertedChunk[]> {
  return insertChunks(tx, table, columns, rows, { ignore: true });
}

/**
 * Multi-row INSERT into a table with an AUTO_INCREMENT column. InnoDB numbers the rows of one INSERT … VALUES
 * consecutively, and the server returns the first number ("simple inserts",
 * https://dev.mysql.com/doc/refman/8.4/en/innodb-auto-increment-handling.html).
 * @returns the number of each row. Right only while `auto_increment_increment` is 1, which the caller must ensure.
 */
export async function insertNumbered(
  tx: SqlExecutor,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
): Promise<number[]> {
  const done = await insertChunks(tx, table, columns, rows, {});
  return done.flatMap(({ insertId, count }) => Array.from({ length: count }, (_, i) => insertId + i));
}

async function insertChunks(
  tx: SqlExecutor,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  { ignore, onDuplicateUpdate }: InsertOptions,
): Promise<InsertedChunk[]> {
  const tail = onDuplicateUpdate ? ` ON DUPLICATE KEY UPDATE ${onDuplicateUpdate}` : '';
  const done: InsertedChunk[] = [];
  let start = 0;
  for (const chunk of chunks(rows)) {
    const sql = `${insertText(table, columns, chunk.length, ignore)}${tail}`;
    const { affectedRows, insertId } = await tx.execute(sql, valuesOf(table, columns, chunk));
    done.push({ start, count: chunk.length, inserted: affectedRows, insertId });
    start += chunk.length;
  }
  return done;
}

/** @throws when a row has more or fewer values than there are columns: the driver would shift them without a word */
function valuesOf(
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
): readonly SqlValue[] {
  const odd = rows.find((row) => row.length !== columns.length);
  if (odd) throw new Error(`${table}: a row of ${odd.length} values for ${columns.length} columns`);
  return rows.flat();
}

function insertText(table: string, columns: readonly string[], rows: number, ignore = false): string {
  const tuple = `(${placeholders(columns.length)})`;
  const head = `INSERT ${ignore ? 'IGNORE ' : ''}INTO ${table} (${columns.join(', ')}) VALUES `;
  return `${head}${`${tuple},`.repeat(rows - 1)}${tuple}`;
}

function* chunks(rows: readonly (readonly SqlValue[])[]): Generator<readonly (readonly SqlValue[])[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    const size = row.reduce((sum: number, value) => sum + sqlSize(value), 0);
    if (index > start && (bytes + size > MAX_CHUNK_BYTES || index - start >= MAX_CHUNK_ROWS)) {
      yield rows.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < rows.length) yield rows.slice(start);
}

/** An upper estimate of the bytes a value takes in the statement, escapes included. */
function sqlSize(value: SqlValue): number {
  if (typeof value === 'string') return value.length * 3 + 4;
  return Buffer.isBuffer(value) ? value.length * 2 + 12 : 28;
}
