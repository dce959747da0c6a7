import * as mariadb from 'mariadb';
import type { Logger } from 'pino';
import { connectionFault, type DatabaseSecurity, databaseTarget } from '../connections/index.ts';
import { CommitOutcomeUnknownError, DatabaseUnavailableError, isDeadlock, isLockTimeout } from '../errors/index.ts';
import { inSpan, type Metrics, within } from '../process/index.ts';
import { type ComparedClock, createDatabaseClock } from './database-clock.ts';
import { countConflicts, type Kind, measurePool } from './database-measures.ts';
import './driver-patch.ts';
import { createFairGate } from './fair-gate.ts';
import { keepAlive } from './keep-alive.ts';
import type { Database, DedicatedConnection, SqlValue, Transaction } from './transaction.ts';
import { TransactionSession } from './transaction-session.ts';

/** Longest wait for a connection, ms: beyond it an outage is reported as an error instead of queueing. */
const ACQUIRE_TIMEOUT_MS = 2_500;
const CONNECT_TIMEOUT_MS = 2_000;
/** Longest transaction or single statement, ms: beyond it the statement is cut off and its connection destroyed. */
const TRANSACTION_TIMEOUT_MS = 30_000;
const LOCK_WAIT_SECONDS = 5;
/**
 * Longest silence on a connection, s. The server ends a session that is silent for longer, idle within a transaction
 * too: a frozen process holds its row locks no longer than this. The driver gives up a connection whose answer does
 * not come for as long. Longer than any call that a transaction waits for (DATA_PLATFORM_TIMEOUT_MS).
 */
const SILENCE_SECONDS = 10;
const DEADLOCK_RETRIES = 5;
const LOCK_TIMEOUT_RETRIES = 1;

export interface DatabaseOptions {
  /** `mysql://user:password@host:port/schema` */
  readonly url: string;
  /** Default: no TLS. */
  readonly security?: DatabaseSecurity;
  /** Most connections at once; default 10. */
  readonly poolSize?: number;
  /** Shown by the server in performance_schema.session_connect_attrs. */
  readonly applicationName?: string;
  /** Logs once when the database goes away, and once when it is back. */
  readonly logger?: Logger;
  /** Gets the measures of the clock, the pool and the conflicts of transactions. */
  readonly metrics?: Metrics;
  /** Longest transaction in ms; default 30,000. */
  readonly transactionTimeoutMs?: number;
  /** Longest silence on a connection, s; default 10. See `SILENCE_SECONDS`. */
  readonly silenceSeconds?: number;
}

/** A `Database` with its pool, which Prisma's adapter shares. */
export interface PooledDatabase extends Database {
  readonly pool: mariadb.Pool;
  readonly clock: ComparedClock;
}

/** Opens the pool of a service's schema. Never waits or fails when the database is away: statements fail then. */
// One function: it makes pool, gate, log and clock, which know each other, and the methods at its end share them all.
export function createDatabase(options: DatabaseOptions): PooledDatabase {
  const timeoutMs = options.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS;
  const poolSize = options.poolSize ?? 10;
  const { silenceSeconds = SILENCE_SECONDS } = options;
  const settings = connectionSettings(options);
  const pool = openPool({ ...settings, socketTimeout: silenceSeconds * 1_000 }, poolSize);
  const rest = keepAlive(pool, (silenceSeconds * 1_000) / 3);
  const outage = outageLog(options.logger, `${settings.host}:${settings.port}`);
  // Without a listener this event (access denied, for one) would end the process.
  (pool as unknown as NodeJS.EventEmitter).on('error', outage.failed);

  const gate = createFairGate(
    poolSize,
    () => new DatabaseUnavailableError(`all ${poolSize} connections were busy for ${ACQUIRE_TIMEOUT_MS} ms`),
  );

  /** Runs `use` on a separate connection and returns the connection afterwards. */
  async function withSession<T>(use: (session: TransactionSession) => Promise<T>): Promise<T> {
    await gate.enter(ACQUIRE_TIMEOUT_MS);
    try {
      const connection = await takeConnection(pool, outage);
      const session = new TransactionSession(connection, timeoutMs);
      try {
        return await use(session);
      } finally {
        await session.release();
      }
    } finally {
      // Prisma takes from the pool without passing the gate: its waiting requests in the pool come first.
      if (pool.taskQueueSize() > 0) setImmediate(gate.leave);
      else gate.leave();
    }
  }

  const statement = <T>(sql: string, params: readonly SqlValue[] = []): Promise<T> =>
    withSession((session) => session.run<T>(sql, params));

  const query = <Row>(sql: string, params?: readonly SqlValue[]) => statement<Row[]>(sql, params);
  const { logger, metrics } = options;
  if (metrics) measurePool(metrics, { pool, gate, poolSize });
  const conflict = countConflicts(metrics);
  const clock = createDatabaseClock({ database: { query }, ...(logger && { logger }), ...(metrics && { metrics }) });

  const span = {
    name: `transaction ${settings.database}`,
    kind: 'client',
    attributes: { 'db.system.name': 'mysql', 'db.namespace': settings.database, 'db.operation.name': 'transaction' },
  } as const;

  return {
    schema: settings.database,
    pool,
    clock,
    query,
    execute: (sql, params) => statement<{ affectedRows: number; insertId: number }>(sql, params),
    async transaction(work) {
      // Whatever a transaction writes has the time of the database, from the first one on.
      await clock.compared();
      const attempt = () => withSession((session) => runTransaction(session, work));
      return await inSpan(span, () => retried(attempt, conflict));
    },
    dedicatedConnection: (dedicated) => openConnection(options, dedicated),
    close() {
      rest();
      return pool.end();
    },
  };
}

function openPool(settings: ConnectionSettings, poolSize: number): mariadb.Pool {
  return mariadb.createPool({
    ...settings,
    connectionLimit: poolSize,
    minimumIdle: Math.min(2, poolSize),
    initSql: [...settings.initSql, limitsOfStatements],
    acquireTimeout: ACQUIRE_TIMEOUT_MS,
    // An infinite limit makes the pool try every 500 ms; with a limit it backs off to 10 s, long after the database is
    // back.
    initializationTimeout: Number.POSITIVE_INFINITY,
    pingTimeout: 1_000,
  });
}

async function takeConnection(
  pool: mariadb.Pool,
  outage: ReturnType<typeof outageLog>,
): Promise<mariadb.PoolConnection> {
  try {
    const giveBack = (late: mariadb.PoolConnection) => void late.release().catch(() => undefined);
    const connection = await withTimeout(pool.getConnection(), ACQUIRE_TIMEOUT_MS + 500, giveBack);
    outage.succeeded();
    return connection;
  } catch (error) {
    outage.failed(error);
    throw error;
  }
}

async function runTransaction<T>(session: TransactionSession, work: (tx: Transaction) => Promise<T>): Promise<T> {
  try {
    session.begin();
    const result = await work(session);
    await session.commit();
    return result;
  } catch (error) {
    await session.rollback();
    // The work may have turned a lock time-out into an error of its own; a lost connection or a deadlock stays as it
    // is.
    throw isLockTimeout(session.failure) ? error : (session.failure ?? error);
  }
}

/** Repeats a transaction after a deadlock or a lock time-out, a few times. */
async function retried<T>(attempt: () => Promise<T>, conflict: (kind: Kind, retries: boolean) => void): Promise<T> {
  for (let deadlocks = 0, lockTimeouts = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof CommitOutcomeUnknownError) throw error;
      const kind = isDeadlock(error) ? 'deadlock' : isLockTimeout(error) ? 'lock_timeout' : undefined;
      if (!kind) throw error;
      const retries = kind === 'deadlock' ? deadlocks++ < DEADLOCK_RETRIES : lockTimeouts++ < LOCK_TIMEOUT_RETRIES;
      conflict(kind, retries);
      if (!retries) throw error;
      await nextTurn();
    }
  }
}

type ConnectionSettings = mariadb.ConnectionConfig & { readonly database: string; readonly initSql: string[] };

/**
 * Ends what a lost client would leave running at the server, no earlier than the client itself gives it up: a SELECT
 * (only MySQL reads the comment), and a wait for a table that is being changed. A migration has no such limits.
 */
const limitsOfStatements = `SET SESSION lock_wait_timeout = ${TRANSACTION_TIMEOUT_MS / 1_000} /*!80000 , max_execution_time = ${TRANSACTION_TIMEOUT_MS} */`;

function connectionSettings(options: DatabaseOptions): ConnectionSettings {
  const url = new URL(options.url);
  const database = decodeURIComponent(url.pathname.slice(1));
  const silence = options.silenceSeconds ?? SILENCE_SECONDS;
  if (!database) throw new Error('the database URL names no schema');
  const settings: ConnectionSettings & { jsonStrings: boolean } = {
    ...databaseTarget(options.url, options.security),
    database,
    connectTimeout: CONNECT_TIMEOUT_MS,
    timezone: 'Z',
    initSql: [
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      // The net timeouts bound a client that freezes while a statement or its answer is on the way.
      `SET SESSION wait_timeout = ${silence}, net_read_timeout = ${silence}, net_write_timeout = ${silence}`,
      `SET SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}, sql_mode = 'STRICT_TRANS_TABLES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'`,
    ],
    bigIntAsNumber: true,
    insertIdAsNumber: true,
    decimalAsNumber: true,
    checkNumberRange: true,
    jsonStrings: true,
    prepareCacheLength: 256,
    keepAliveDelay: 10_000,
    logParam: false,
    connectAttributes: { program_name: options.applicationName ?? 'shop' },
  };
  return settings;
}

/** Logs the beginning and the end of an outage, not every failed statement. */
function outageLog(logger: Logger | undefined, address: string) {
  let away = false;
  let told: string | undefined;
  return {
    failed(error: unknown): void {
      const reason = connectionFault('DATABASE', address, error);
      // The first failure may only say that no connection came; what is wrong with it comes later.
      if (!away || (reason && reason !== told)) logger?.error({ err: error, reason }, 'database is away');
      away = true;
      told = reason ?? told;
    },
    succeeded(): void {
      if (away) logger?.info('database is back');
      away = false;
      told = undefined;
    },
  };
}

/** A connection outside any pool, with its own session state. Each statement is limited by `transactionTimeoutMs`. */
export async function openConnection(
  options: DatabaseOptions,
  { waitTimeoutSeconds }: { waitTimeoutSeconds?: number } = {},
): Promise<DedicatedConnection> {
  const settings = connectionSettings(options);
  const timeoutMs = options.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS;
  const connection = await mariadb.createConnection(settings);
  // The next ping or statement reports a lost connection. Without a listener, the event would end the process.
  connection.on('error', () => undefined);
  const run = <T>(sql: string, params: readonly SqlValue[] = []): Promise<T> =>
    withTimeout(connection.query<T>(sql, [...params]), timeoutMs);
  if (waitTimeoutSeconds) await run(`SET SESSION wait_timeout = ${Math.max(1, Math.floor(waitTimeoutSeconds))}`);
  return {
    query: <Row>(sql: string, params?: readonly SqlValue[]) => run<Row[]>(sql, params),
    execute: (sql, params) => run<{ affectedRows: number; insertId: number }>(sql, params),
    ping: () => withTimeout(connection.ping(), ACQUIRE_TIMEOUT_MS),
    async end() {
      await withTimeout(connection.end(), 1_000).catch(() => connection.destroy());
    },
  };
}

/**
 * Rejects with `DatabaseUnavailableError` when `pending` takes longer; a result that comes too late goes to `discard`.
 */
function withTimeout<T>(pending: Promise<T>, ms: number, discard?: (late: T) => void): Promise<T> {
  return within(ms, pending, () => {
    pending.then(discard, () => undefined);
    return new DatabaseUnavailableError(`the database did not answer within ${ms} ms`);
  });
}

/** Lets the holder of the lock move on before the same work is tried again. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
