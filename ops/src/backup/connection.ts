import type { Connection } from 'mariadb';
import { openConnection, PATIENCE_MS } from '../sql.ts';

/** A value as it stands in a row: nothing is rounded, and no zone is assumed. */
export type Cell = string | number | bigint | Buffer | null;

/**
 * A connection that reads and writes rows exactly as they are: times and decimals as text, large numbers whole.
 * @param url `mysql://user:password@host:port/[schema]`
 */
export function connectExactly(url: string): Promise<Connection> {
  return openConnection(url, { dateStrings: true, checkNumberRange: true, socketTimeout: PATIENCE_MS });
}
