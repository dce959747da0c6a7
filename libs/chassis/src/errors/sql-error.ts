/** Classifies failed statements, by the driver's errors and Prisma's wrapping of them. */

const DUPLICATE_KEY = 1062;
const DEADLOCK = 1213;
const LOCK_TIMEOUT = 1205;

/**
 * The server takes no writes: it runs with read_only or super_read_only (1290), its storage is read-only (1836), or
 * its transactions are (1792). So answers a primary that became a replica.
 */
const READ_ONLY: ReadonlySet<number> = new Set([1290, 1792, 1836]);

/**
 * Data errors with a general SQLSTATE: truncated, no default, incorrect value, check constraint; and text that does not
 * fit the character set of the compared column (MySQL: cannot convert; MariaDB: illegal mix of collations).
 */
const DATA_ERRNOS: ReadonlySet<number> = new Set([1265, 1364, 1366, 3819, 3854, 1267, 1270, 1271]);

/** Prisma's own codes for a database that cannot be reached or a transaction that got no connection in time. */
const PRISMA_OUTAGES: ReadonlySet<unknown> = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);

/** The database cannot be reached, or did not answer in time. The failed call committed nothing. */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
}

/**
 * The connection died, or the time ran out, between COMMIT and its answer: the transaction may or may not have been
 * committed. Never retried here. A caller that can repeat safely (an idempotency key, an inbox) does so.
 */
export class CommitOutcomeUnknownError extends Error {
  override readonly name = 'CommitOutcomeUnknownError';
}

/**
 * The transaction must begin again, because it needs locks that come before locks it already holds. It is rolled back
 * and repeated at once, as after a deadlock, which waiting for those locks might have been.
 */
export class RestartTransactionError extends Error {
  override readonly name = 'RestartTransactionError';
}

interface SqlFailure {
  readonly errno: number;
  readonly sqlState: string;
}

/** The server's (or driver's) error number and state, at any depth of wrapping; undefined for other errors. */
function sqlFailure(error: unknown, depth = 0): SqlFailure | undefined {
  if (typeof error !== 'object' || error === null || depth > 4) return undefined;
  const fields = error as Record<string, unknown>;
  if (typeof fields.errno === 'number' && 'sqlState' in fields) {
    return { errno: fields.errno, sqlState: typeof fields.sqlState === 'string' ? fields.sqlState : '' };
  }
  if (typeof fields.originalCode === 'string') {
    return { errno: Number(fields.originalCode), sqlState: typeof fields.state === 'string' ? fields.state : '' };
  }
  const meta = fields.meta as { driverAdapterError?: unknown } | null | undefined;
  return sqlFailure(meta?.driverAdapterError ?? fields.cause, depth + 1);
}

/** Any error of the database, of its driver, or of a missing connection. */
export function isDatabaseError(error: unknown): boolean {
  return (
    error instanceof DatabaseUnavailableError ||
    error instanceof CommitOutcomeUnknownError ||
    sqlFailure(error) !== undefined ||
    (error instanceof Error && PRISMA_OUTAGES.has((error as { code?: unknown }).code))
  );
}

export function isDuplicateKey(error: unknown): boolean {
  return sqlFailure(error)?.errno === DUPLICATE_KEY;
}

/** A deadlock, or a transaction that begins again so that none arises. */
export function isDeadlock(error: unknown): boolean {
  return error instanceof RestartTransactionError || sqlFailure(error)?.errno === DEADLOCK;
}

export function isLockTimeout(error: unknown): boolean {
  return sqlFailure(error)?.errno === LOCK_TIMEOUT;
}

/** The server refuses to write. An outage: the same work succeeds once it takes writes again, or on another server. */
export function isReadOnly(error: unknown): boolean {
  return READ_ONLY.has(sqlFailure(error)?.errno ?? 0);
}

/** The statement's data or a constraint is at fault (SQLSTATE classes 22 and 23): repeating it gives the same error. */
export function isDataError(error: unknown): boolean {
  const failure = sqlFailure(error);
  if (!failure) return false;
  return /^2[23]/.test(failure.sqlState) || DATA_ERRNOS.has(failure.errno) || failure.errno === DUPLICATE_KEY;
}

/**
 * The statement itself or the rights are at fault (SQLSTATE classes 42 and 28): our own mistake, not an outage to a
 * client.
 */
export function isSqlMistake(error: unknown): boolean {
  const failure = sqlFailure(error);
  return failure !== undefined && failure.errno !== DUPLICATE_KEY && /^(42|28)/.test(failure.sqlState);
}

/**
 * Any database error except those of data and constraints: the same work may succeed later, so it waits and is
 * repeated. Includes deadlocks, lock time-outs and restarts for more locks that outlasted their retries.
 */
export function isOutage(error: unknown): boolean {
  return error instanceof RestartTransactionError || (isDatabaseError(error) && !isDataError(error));
}
