import { connectionFault, databaseTarget, type SqlExecutor, type SqlValue } from '@shop/chassis';
import { type Connection, type ConnectionConfig, createConnection } from 'mariadb';
import { access } from './access.ts';

export type SqlParam = SqlValue | readonly (string | number)[];

/** Reads rows. BIGINT, COUNT and SUM come as numbers, DATETIME as Date (UTC). */
export interface SqlReader {
  query<Row>(sql: string, params?: readonly SqlParam[]): Promise<Row[]>;
}

export interface SqlConnection extends SqlReader {
  execute(sql: string, params?: readonly SqlParam[]): Promise<{ affectedRows: number; insertId: number }>;
  /** Runs `work` in one READ COMMITTED transaction of this connection. */
  transaction<T>(work: (tx: SqlExecutor) => Promise<T>): Promise<T>;
  /** Runs `work` on one consistent snapshot of every schema of the server (InnoDB's snapshot spans them all). */
  snapshot<T>(work: (reader: SqlReader) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Longest silence of the server during a statement, ms: an audit of many rows takes minutes, nothing takes hours. */
export const PATIENCE_MS = 600_000;

/** How long a statement of a command that only looks may take, ms. */
export const LOOK_MS = 15_000;

/**
 * One connection, for one command. A statement without an answer for `patienceMs` fails.
 * @param url `mysql://user:password@host:port/[schema]`
 */
export async function connectSql(url: string, patienceMs = PATIENCE_MS): Promise<SqlConnection> {
  const numbers = { bigIntAsNumber: true, decimalAsNumber: true, insertIdAsNumber: true };
  return wrap(await openConnection(url, numbers), patienceMs);
}

/**
 * A connection of the driver, in UTC.
 * @param url `mysql://user:password@host:port/[schema]`
 * @throws in words when the server cannot be reached
 */
export async function openConnection(url: string, settings: ConnectionConfig): Promise<Connection> {
  const { host, pathname } = new URL(url);
  const connection = await createConnection({
    ...databaseTarget(url, access().database),
    ...(pathname.length > 1 ? { database: pathname.slice(1) } : {}),
    timezone: 'Z',
    connectTimeout: 15_000,
    ...settings,
  }).catch((error: unknown) => {
    const fault = connectionFault('DATABASE', host, error);
    const message = error instanceof Error ? error.message : error;
    throw new Error(fault ? `${fault} (${message})` : `the database at ${host} cannot be reached: ${message}`);
  });
  // Without a listener the driver ends the process when the server goes away between two queries; the next query
  // rejects.
  connection.on('error', () => {});
  return connection;
}

/** Host, port and data folder of the connection's server: together they tell it from any other server. */
export async function placeOf(sql: SqlReader): Promise<string> {
  const [row] = await sql.query<{ host: string; port: number | bigint; folder: string }>(
    'SELECT @@hostname AS host, @@port AS port, @@datadir AS folder',
  );
  return `${row?.host}:${row?.port} ${row?.folder}`;
}

function wrap(connection: Connection, patienceMs: number): SqlConnection {
  let isGone = false;

  /** Ends the connection when a statement takes too long: the server may hang, and so would the command. */
  async function within<T>(sql: string, answer: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      isGone = true;
      connection.destroy();
      const start = sql.trim().replaceAll(/\s+/g, ' ').slice(0, 60);
      late.reject(new Error(`the database did not answer within ${patienceMs / 1_000} s: ${start}…`));
    }, patienceMs);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
      answer.catch(() => {}); // When it was late, it fails with the connection.
    }
  }

  const query = async <Row>(sql: string, params: readonly SqlParam[] = []): Promise<Row[]> =>
    (await within(sql, connection.query<Row[]>(sql, [...params]))) as Row[];
  const execute = async (sql: string, params: readonly SqlParam[] = []) => {
    const { affectedRows, insertId } = await within(
      sql,
      connection.query<{ affectedRows: number; insertId: number }>(sql, [...params]),
    );
    return { affectedRows, insertId: Number(insertId) };
  };
  return {
    query,
    execute,
    transaction: async (work) => {
      await query('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
      await query('START TRANSACTION');
      try {
        const done = await work({ query, execute });
        await query('COMMIT');
        return done;
      } catch (error) {
        await query('ROLLBACK').catch(() => {});
        throw error;
      }
    },
    snapshot: async (work) => {
      await query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      try {
        return await work({ query });
      } finally {
        // A connection that is gone has no transaction any more.
        if (!isGone) await query('ROLLBACK');
      }
    },
    close: async () => {
      if (!isGone) await connection.end();
    },
  };
}

/**
 * The values that a column of ids may hold, for an `IN (?)`; never empty. A topic may hold rubbish, and MySQL refuses
 * to compare such a column with non-ASCII text.
 */
export function asciiOnly(values: readonly string[]): string[] {
  const fit = values.filter((value) => /^[\x20-\x7e]*$/.test(value));
  return fit.length > 0 ? fit : [''];
}

/** Rows of a large table in the order of their key, page by page. `page` gets the last key read and the page's size. */
export async function* pages<Row>(
  reader: SqlReader,
  first: string,
  page: { sql: string; params: (after: string, limit: number) => readonly SqlParam[]; key: (row: Row) => string },
  limit = 20_000,
): AsyncGenerator<Row[]> {
  for (let after = first; ; ) {
    const rows = await reader.query<Row>(page.sql, page.params(after, limit));
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < limit || last === undefined) return;
    after = page.key(last);
  }
}
