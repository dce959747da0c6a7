export { createDatabase, openConnection, type PooledDatabase } from './database.ts';
export { type ComparedClock, createComparedClock } from './database-clock.ts';
export {
  type ClaimOutcome,
  claimForOne,
  claimIdempotencyKeys,
  findIdempotencyKeys,
  type IdempotencyClaim,
  idempotencyKeyFrom,
  idempotencyKeySchema,
  keysOfRequests,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  requestHash,
  restoreIdempotencyKeys,
} from './idempotency.ts';
export { offsetOf } from './measured-offset.ts';
export { MigrationError, migrate } from './migrate.ts';
export { insertNew, insertNumbered, insertRows, placeholders } from './sql.ts';
export { splitStatements } from './sql-statements.ts';
export type {
  Database,
  DatabaseClock,
  DedicatedConnection,
  SqlExecutor,
  SqlValue,
  Transaction,
  Transactor,
} from './transaction.ts';
