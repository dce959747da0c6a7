export type { Batcher, BatcherOptions, ItemResult } from './batcher.ts';
export { createBatcher, failed, succeeded } from './batcher.ts';
export type { Called, Caller, InternalKeys, Scope, SignCaller, VerifyCaller } from './caller.ts';
export {
  ANYBODY,
  CALLER_HEADER,
  createCallerSigner,
  createCallerVerifier,
  NOBODY,
  parseInternalKeys,
  requireScope,
  SCOPES,
} from './caller.ts';
export type { Rendered } from './conditional.ts';
export { isUnchanged, renderJson, sendRendered, wantsNow } from './conditional.ts';
export { ConfigError, loadConfig, redactConfig, serviceConfig, switchVariable } from './config.ts';
export type { Copies, CopiesOptions, FindOptions } from './copies.ts';
export { createCopies } from './copies.ts';
export type { DatabaseOptions, PooledDatabase } from './database.ts';
export { createDatabase, openConnection } from './database.ts';
export type { EventStream, EventStreams } from './event-streams.ts';
export { createEventStreams } from './event-streams.ts';
export type { Health, HealthCheck, HealthReport } from './health.ts';
export { createHealth } from './health.ts';
export type { HttpAppOptions } from './http.ts';
export { createHttpApp, sendProblem } from './http.ts';
export type { ClaimOutcome, IdempotencyClaim } from './idempotency.ts';
export {
  claimIdempotencyKeys,
  findIdempotencyKeys,
  idempotencyKeyFrom,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  requestHash,
  restoreIdempotencyKeys,
} from './idempotency.ts';
export type { Job, JobOptions } from './jobs.ts';
export { startJob } from './jobs.ts';
export type { Logger, LoggerOptions } from './logger.ts';
export { createLogger } from './logger.ts';
export type { Metrics, MetricsOptions } from './metrics.ts';
export { createMetrics, SECONDS_BUCKETS, SIZE_BUCKETS } from './metrics.ts';
export type { MigrateOptions } from './migrate.ts';
export { MigrationError, migrate } from './migrate.ts';
export { oneAtATime } from './one-at-a-time.ts';
export { OutageError } from './outage.ts';
export type { Pace } from './pace.ts';
export { createPace } from './pace.ts';
export { pageCursor, pageLimit, pageQuery, toPage } from './page.ts';
export { MAX_WAIT_SECONDS, preferredWait } from './prefer.ts';
export type { DomainErrorExtra, FieldError, Problem, ProblemCode } from './problem.ts';
export { DomainError, PROBLEMS, renderProblem, toDomainError } from './problem.ts';
export type { WakeHints } from './redis.ts';
export { createRedis, createWakeHints } from './redis.ts';
export type { Runtime, RuntimeConfig, RuntimeOptions } from './runtime.ts';
export { createRuntime, openDatabase } from './runtime.ts';
export type { RunningServer, ServeOptions } from './server.ts';
export { serve } from './server.ts';
export type { Shutdown, ShutdownOptions } from './shutdown.ts';
export { createShutdown } from './shutdown.ts';
export type { InsertOptions } from './sql.ts';
export { insertNumbered, insertRows, placeholders } from './sql.ts';
export {
  CommitOutcomeUnknownError,
  DatabaseUnavailableError,
  isDatabaseError,
  isDataError,
  isDeadlock,
  isDuplicateKey,
  isLockTimeout,
  isOutage,
} from './sql-error.ts';
export type { Client } from './time-left.ts';
export { clientOf, TIME_LEFT_HEADER, timeLeft } from './time-left.ts';
export type { TraceContext } from './trace.ts';
export {
  childTrace,
  currentTrace,
  currentTraceparent,
  formatTraceparent,
  parseTraceparent,
  runWithTrace,
} from './trace.ts';
export type { Database, DedicatedConnection, SqlExecutor, SqlValue, Transaction, Transactor } from './transaction.ts';
export { MAX_INTEGER, parse, userIdFrom, userIdQuery, userIdSchema } from './validate.ts';
