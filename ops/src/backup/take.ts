import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Connection } from 'mariadb';
import { type ServiceName, schemaOf } from '../../../services/services.ts';
import { connectKafka } from '../kafka-log.ts';
import { withClosing } from '../with-closing.ts';
import { type Cell, connectExactly } from './connection.ts';
import { beginFolder, finishFolder } from './folder.ts';
import { hashFile, joinRows, literal, PREAMBLE, renderLine } from './lines.ts';
import { BackupError, FORMAT, MANIFEST, type Manifest, type Migration, type ServiceBackup } from './manifest.ts';
import { unreadSince } from './unread.ts';

export interface TakeOptions {
  /** URL of a user who may read every schema; no schema in the path. */
  readonly database: string;
  readonly brokers: readonly string[];
  readonly services: readonly ServiceName[];
  /** The folder of the backup, which must not be there yet. */
  readonly to: string;
  readonly release: string;
  readonly say: (words: string) => void;
}

/**
 * Backs these schemas up at one moment, while their services run: InnoDB's snapshot spans all schemas of a server. The
 * folder gets its name once all of it is on the disk, so a backup that was cut off has no such folder.
 */
export async function takeBackup(options: TakeOptions): Promise<Manifest> {
  const to = resolve(options.to);
  const part = await beginFolder(to, options.say);
  try {
    const manifest = await write(options, part);
    await finishFolder(part, to);
    return manifest;
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error;
  }
}

/** Writes all files of the backup into `part`. */
async function write(options: TakeOptions, part: string): Promise<Manifest> {
  const { database, services, release, say } = options;
  const connection = await connectExactly(database);
  try {
    const [clock] = await connection.query<{ now: string; version: string }[]>(
      `SELECT DATE_FORMAT(UTC_TIMESTAMP(3), '%Y-%m-%dT%H:%i:%s.%f') AS now, VERSION() AS version`,
    );
    if (!clock) throw new BackupError('the database does not tell the time');
    const beganAt = `${clock.now.slice(0, 23)}Z`;
    const unread = await askUnread(options, new Date(beganAt));
    const binaryLog = await beginSnapshot(connection, say);
    const parts: ServiceBackup[] = [];
    for (const service of services)
      parts.push({ ...(await dump(connection, service, part)), unreadSince: unread.get(service) ?? null });
    const kind = clock.version.includes('MariaDB') ? 'MariaDB' : 'MySQL';
    const manifest: Manifest = {
      ...{ format: FORMAT, beganAt, release, binaryLog, services: parts },
      server: { kind, version: clock.version },
    };
    await writeFile(join(part, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  } finally {
    await connection.end();
  }
}

/** Since when each service may have something unread; empty when Kafka does not tell: the backup is taken anyway. */
async function askUnread(
  { brokers, services, say }: TakeOptions,
  now: Date,
): Promise<ReadonlyMap<ServiceName, string>> {
  const found = new Map<ServiceName, string>();
  try {
    await withClosing(
      () => connectKafka(brokers),
      async (log) => {
        for (const service of services) found.set(service, (await unreadSince(log, service, now)).toISOString());
      },
    );
    return found;
  } catch (error) {
    say(
      `Kafka does not tell what the services have not read yet (${error instanceof Error ? error.message : error}): whoever restores this backup has to know since when one was behind.`,
    );
    return new Map();
  }
}

/**
 * Begins the snapshot. Where there is a binary log, commits wait for some milliseconds, so that its position is that of
 * the snapshot.
 */
async function beginSnapshot(connection: Connection, say: (words: string) => void): Promise<Manifest['binaryLog']> {
  const [log] = await connection.query<{ isOn: number }[]>('SELECT @@GLOBAL.log_bin AS isOn');
  const isHeld = Number(log?.isOn) === 1 && (await mayHoldCommits(connection, say));
  await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  if (!isHeld) return null;
  try {
    return await positionOf(connection);
  } finally {
    await connection.query('UNLOCK TABLES');
  }
}

async function mayHoldCommits(connection: Connection, say: (words: string) => void): Promise<boolean> {
  try {
    // The position is asked once before, so that commits are not held in vain.
    await positionOf(connection);
    await connection.query('SET SESSION lock_wait_timeout = 5');
    await connection.query('FLUSH TABLES WITH READ LOCK');
    return true;
  } catch (error) {
    say(
      `The position in the binary log is left out (${error instanceof Error ? error.message : error}): BACKUP_DATABASE_URL names no user with RELOAD and REPLICATION CLIENT.`,
    );
    return false;
  }
}

async function positionOf(connection: Connection): Promise<Manifest['binaryLog']> {
  const ask = (statement: string) => connection.query<{ File: string; Position: number | bigint }[]>(statement);
  // MySQL has renamed the statement, MariaDB has not.
  const [row] = await ask('SHOW BINARY LOG STATUS').catch(() => ask('SHOW MASTER STATUS'));
  return row ? { file: row.File, position: Number(row.Position) } : null;
}

async function dump(
  connection: Connection,
  service: ServiceName,
  folder: string,
): Promise<Omit<ServiceBackup, 'unreadSince'>> {
  const schema = schemaOf(service);
  const file = `${schema}.sql.gz`;
  const tables: { name: string; rows: number; sha256: string }[] = [];
  const names = await tablesOf(connection, schema);
  if (names.length === 0) throw new BackupError(`the schema ${schema} has no tables that this user may read`);
  async function* text(): AsyncGenerator<string> {
    yield PREAMBLE;
    for (const name of names) {
      const hash = createHash('sha256');
      let rows = 0;
      for await (const { line, count } of linesOf(connection, schema, name)) {
        hash.update(line);
        rows += count;
        yield line;
      }
      tables.push({ name, rows, sha256: hash.digest('hex') });
    }
  }
  await pipeline(text, createGzip(), createWriteStream(join(folder, file)));
  const migrations = await connection.query<Migration[]>(
    `SELECT migration_name AS name, checksum FROM ${schema}._prisma_migrations
      WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name`,
  );
  const [handled] = await connection.query<{ at: string | null }[]>(
    `SELECT DATE_FORMAT(MAX(processed_at), '%Y-%m-%dT%H:%i:%s.%f') AS at FROM ${schema}.processed_event`,
  );
  return {
    ...{ service, schema, file, tables, migrations: migrations.map(({ name, checksum }) => ({ name, checksum })) },
    sha256: await hashFile(join(folder, file)),
    lastHandledAt: handled?.at ? `${handled.at.slice(0, 23)}Z` : null,
  };
}

async function tablesOf(connection: Connection, schema: string): Promise<string[]> {
  const rows = await connection.query<{ name: string }[]>(
    `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = ? AND table_type = 'BASE TABLE' ORDER BY name`,
    [schema],
  );
  return rows.map(({ name }) => name);
}

async function* linesOf(connection: Connection, schema: string, table: string) {
  const [made] = await connection.query<Record<string, string>[]>(`SHOW CREATE TABLE \`${schema}\`.\`${table}\``);
  const statement = made?.['Create Table'] ?? '';
  const prefix = `CREATE TABLE \`${table}\``;
  if (!statement.startsWith(prefix)) throw new BackupError(`${schema}.${table} is no table that can be backed up`);
  // Within texts the server writes a line break as \n.
  const rest = statement.slice(prefix.length).replaceAll(/\n\s*/g, ' ');
  yield { line: renderLine({ verb: 'CREATE TABLE', table, rest }), count: 0 };
  const columns = await connection.query<{ name: string }[]>(
    `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = ? AND table_name = ? AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position`,
    [schema, table],
  );
  const names = columns.map(({ name }) => `\`${name}\``).join(', ');
  for await (const { values, rows } of joinRows(rowsOf(connection, `SELECT ${names} FROM \`${schema}\`.\`${table}\``)))
    yield { line: renderLine({ verb: 'INSERT INTO', table, rest: ` (${names}) VALUES ${values}` }), count: rows };
}

async function* rowsOf(connection: Connection, sql: string): AsyncGenerator<string> {
  const stream = connection.queryStream({ sql, rowsAsArray: true });
  for await (const row of stream as AsyncIterable<Cell[]>)
    yield `(${row.map((cell) => literal(connection, cell)).join(',')})`;
}
