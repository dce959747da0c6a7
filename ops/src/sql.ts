import { type Connection, createConnection } from 'mariadb';

export type SqlParam = string | number | Date | Buffer | null | readonly (string | number)[];

/** Reads rows. BIGINT, COUNT and SUM come as numbers, DATETIME as Date (UTC). */
export interface SqlReader {
  query<Row>(sql: string, params?: readonly SqlParam[]): Promise<Row[]>;
}

export interface SqlConnection extends SqlReader {
  execute(sql: string, params?: readonly SqlParam[]): Promise<{ affectedRows: number; insertId: number }>;
  /** Runs `work` on one consistent snapshot of every schema of the server (InnoDB's snapshot spans them all). */
  snapshot<T>(work: (reader: SqlReader) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** One connection, for one command. @param url `mysql://user:password@host:port/[schema]` */
export async function connectSql(url: string): Promise<SqlConnection> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const connection = await createConnection({
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(pathname.length > 1 ? { database: pathname.slice(1) } : {}),
    timezone: 'Z',
    bigIntAsNumber: true,
    decimalAsNumber: true,
    insertIdAsNumber: true,
    allowPublicKeyRetrieval: true,
    connectTimeout: 5_000,
  }).catch((error: unknown) => {
    throw new Error(
      `the database at ${hostname}:${port} cannot be reached: ${error instanceof Error ? error.message : error}`,
    );
  });
  // Without a listener the driver ends the process when the server goes away between two queries; the next query
  // rejects.
  connection.on('error', () => {});
  return wrap(connection);
}

function wrap(connection: Connection): SqlConnection {
  const query = async <Row>(sql: string, params: readonly SqlParam[] = []): Promise<Row[]> =>
    (await connection.query<Row[]>(sql, [...params])) as Row[];
  return {
    query,
    execute: async (sql, params = []) => {
      const { affectedRows, insertId } = await connection.query<{ affectedRows: number; insertId: number }>(sql, [
        ...params,
      ]);
      return { affectedRows, insertId: Number(insertId) };
    },
    snapshot: async (work) => {
      await connection.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
      try {
        return await work({ query });
      } finally {
        await connection.query('ROLLBACK');
      }
    },
    close: () => connection.end(),
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
