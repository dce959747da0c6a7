/** A value the driver can bind. Dates are written as UTC. */
export type SqlValue = string | number | bigint | boolean | Date | Buffer | null;

/** Runs statements: a transaction, or the pool itself (then each statement commits alone). */
export interface SqlExecutor {
  /** Rows of a SELECT. BIGINT and COUNT/SUM come as numbers, DATETIME as Date (UTC), JSON as text. */
  query<Row>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>;
  /** Any other statement. */
  execute(sql: string, params?: readonly SqlValue[]): Promise<{ affectedRows: number; insertId: number }>;
}

/** One open READ COMMITTED transaction. */
export interface Transaction extends SqlExecutor {
  /**
   * Runs `hook` right after the commit has succeeded (never after a rollback). For wake-ups only; it must not throw.
   */
  onCommit(hook: () => void): void;
}

/** Runs a function in a transaction: commits when the function resolves, rolls back when it rejects. */
export interface Transactor<Tx> {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/**
 * The time of a service: that of its database's server, so that all instances that write and judge the same rows have
 * one clock. Reading it costs no round trip: the process's monotonic clock is compared with the server's now and then.
 */
export interface DatabaseClock {
  /** ms since the epoch; this machine's own time before the first comparison, which every transaction waits for. */
  now(): number;
  /**
   * The time to store, or to compare with stored times.
   * @throws {OutageError} before the first comparison
   */
  date(): Date;
}

/** A service's own schema: one pool, used by raw SQL and (through its adapter) by Prisma. */
export interface Database extends SqlExecutor, Transactor<Transaction> {
  /** Schema name, e.g. `shop_order`. */
  readonly schema: string;
  readonly clock: DatabaseClock;
  /** A connection outside the pool, for GET_LOCK; the caller ends it. */
  dedicatedConnection(options?: { waitTimeoutSeconds?: number }): Promise<DedicatedConnection>;
  close(): Promise<void>;
}

/** A single connection with its own session state. */
export interface DedicatedConnection extends SqlExecutor {
  ping(): Promise<void>;
  end(): Promise<void>;
}
