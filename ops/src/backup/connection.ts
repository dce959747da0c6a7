import { type Connection, createConnection } from 'mariadb';

/** Longest silence of the server during a statement, ms: as for every command of operators. */
const PATIENCE_MS = 600_000;

/** A value as it stands in a row: nothing is rounded, and no zone is assumed. */
export type Cell = string | number | bigint | Buffer | null;

/**
 * A connection that reads and writes rows exactly as they are: times and decimals as text, large numbers whole.
 * @param url `mysql://user:password@host:port/[schema]`
 */
export async function connectExactly(url: string): Promise<Connection> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const connection = await createConnection({
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(pathname.length > 1 && { database: pathname.slice(1) }),
    dateStrings: true,
    checkNumberRange: true,
    timezone: 'Z',
    allowPublicKeyRetrieval: true,
    connectTimeout: 5_000,
    socketTimeout: PATIENCE_MS,
  }).catch((error: unknown) => {
    throw new Error(
      `the database at ${hostname}:${port} cannot be reached: ${error instanceof Error ? error.message : error}`,
    );
  });
  // Without a listener the driver ends the process when the server goes away between two statements.
  connection.on('error', () => {});
  return connection;
}
