/**
 * Applies a service's migrations, in Prisma's layout and with Prisma's own table, so that `prisma migrate deploy` sees
 * the same history. Usage: `node libs/chassis/src/database/migrate.ts services/<name>`, with MIGRATION_DATABASE_URL or
 * DATABASE_URL.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { connectionFault, type DatabaseSecurity, databaseSecurity, databaseVariables } from '../connections/index.ts';
import { loadConfig, serviceConfig } from '../process/index.ts';
import { openConnection } from './database.ts';
import { splitStatements } from './sql-statements.ts';
import type { DedicatedConnection } from './transaction.ts';

/** Longest statement of a migration: a day, ms. */
const STATEMENT_TIMEOUT_MS = 86_400_000;
/** Prisma's own lock name and wait: its runs and ours exclude each other. */
const LOCK = 'prisma_migrate';
const LOCK_WAIT_SECONDS = 10;

const HISTORY = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id                  VARCHAR(36) PRIMARY KEY NOT NULL,
  checksum            VARCHAR(64) NOT NULL,
  finished_at         DATETIME(3),
  migration_name      VARCHAR(255) NOT NULL,
  logs                TEXT,
  rolled_back_at      DATETIME(3),
  started_at          DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  applied_steps_count INTEGER UNSIGNED NOT NULL DEFAULT 0
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`;

/** A migration cannot be applied. The message is a sentence for an operator. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

export interface MigrateOptions {
  /** `mysql://user:password@host:port/schema` */
  readonly url: string;
  readonly security?: DatabaseSecurity;
  /** The folder that holds `<time>_<name>/migration.sql`. */
  readonly folder: string;
  /** Called after each migration is applied. */
  readonly onApplied?: (name: string) => void;
}

interface Migration {
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file. */
  readonly checksum: string;
}

/**
 * Applies missing migrations in the order of names. Safe when several start at once. @returns the names applied now.
 */
export async function migrate({ folder, onApplied, ...server }: MigrateOptions): Promise<string[]> {
  const migrations = readMigrations(folder);
  const connection = await openConnection({ ...server, transactionTimeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    await lock(connection);
    await connection.execute(HISTORY);
    const pending = await findPending(connection, migrations);
    for (const migration of pending) {
      await apply(connection, migration);
      onApplied?.(migration.name);
    }
    return pending.map((migration) => migration.name);
  } finally {
    await connection.end();
  }
}

function readMigrations(folder: string): Migration[] {
  if (!existsSync(folder)) throw new MigrationError(`there is no folder ${folder}`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const sql = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

async function lock(connection: DedicatedConnection): Promise<void> {
  const [row] = await connection.query<{ got: number | null }>('SELECT GET_LOCK(?, ?) AS got', [
    LOCK,
    LOCK_WAIT_SECONDS,
  ]);
  if (row?.got !== 1) {
    throw new MigrationError(
      `another migration has been running for ${LOCK_WAIT_SECONDS} s: try again when it has ended`,
    );
  }
}

async function findPending(connection: DedicatedConnection, migrations: readonly Migration[]): Promise<Migration[]> {
  const history = await connection.query<{ name: string; checksum: string; finished: Date | null; started: Date }>(
    `SELECT migration_name AS name, checksum, finished_at AS finished, started_at AS started
       FROM _prisma_migrations WHERE rolled_back_at IS NULL`,
  );
  const broken = history.find((row) => row.finished === null);
  if (broken) {
    throw new MigrationError(
      `migration ${broken.name} failed at ${broken.started.toISOString()} (its logs are in _prisma_migrations): undo or finish by hand what it did, ` +
        `then set its rolled_back_at to run it again, or its finished_at if it is complete`,
    );
  }
  const applied = new Map(history.map((row) => [row.name, row.checksum]));
  return migrations.filter((migration) => {
    const checksum = applied.get(migration.name);
    if (checksum !== undefined && checksum !== migration.checksum) {
      throw new MigrationError(
        `migration ${migration.name} was changed after it had been applied: put it back and add a new one`,
      );
    }
    return checksum === undefined;
  });
}

async function apply(connection: DedicatedConnection, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  await connection.execute(
    'INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at) VALUES (?, ?, ?, ?)',
    [id, checksum, name, new Date()],
  );
  for (const statement of splitStatements(sql)) {
    try {
      await connection.execute(statement);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      await connection
        .execute('UPDATE _prisma_migrations SET logs = ? WHERE id = ?', [reason, id])
        .catch(() => undefined);
      throw new MigrationError(`migration ${name} failed: ${reason}`, { cause: error });
    }
  }
  await connection.execute(
    'UPDATE _prisma_migrations SET finished_at = ?, applied_steps_count = applied_steps_count + 1 WHERE id = ?',
    [new Date(), id],
  );
}

const configSchema = z.object({
  DATABASE_URL: serviceConfig.DATABASE_URL.optional(),
  MIGRATION_DATABASE_URL: serviceConfig.DATABASE_URL.optional(),
  ...databaseVariables,
});

async function main(service: string | undefined): Promise<number> {
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  if (!service) {
    say('usage: MIGRATION_DATABASE_URL=mysql://... node libs/chassis/src/database/migrate.ts services/<name>');
    return 2;
  }
  let url: string | undefined;
  try {
    const config = loadConfig(configSchema);
    url = config.MIGRATION_DATABASE_URL ?? config.DATABASE_URL;
    if (!url) throw new MigrationError('MIGRATION_DATABASE_URL is missing (or DATABASE_URL, where one user does both)');
    const applied = await migrate({
      url,
      security: databaseSecurity(config),
      folder: resolve(service, 'prisma/migrations'),
      onApplied: (name) => say(`applied ${name}`),
    });
    say(`${service}: ${applied.length === 0 ? 'up to date' : `${applied.length} applied`}`);
    return 0;
  } catch (error) {
    const fault = url && connectionFault('DATABASE', new URL(url).host, error);
    say(`${service}: ${fault ? `${fault}. ` : ''}${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // No await here: a file that awaits at its top makes Jest load all that imports it three times.
  void main(process.argv[2]).then((code) => {
    process.exitCode = code;
  });
}
