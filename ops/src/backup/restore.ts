import { hostname, userInfo } from 'node:os';
import { migrate } from '@shop/chassis';
import { recoveryPlan } from '@shop/events';
import type { Connection } from 'mariadb';
import { SERVICES, type ServiceName } from '../../../services/services.ts';
import { access } from '../access.ts';
import type { Addresses } from '../addresses.ts';
import { placeOf } from '../sql.ts';
import { readInstances } from '../status/read.ts';
import type { CheckedBackup } from './check.ts';
import { connectExactly } from './connection.ts';
import { migrationsFolder } from './installed.ts';
import { type Line, parseLine, readLines, renderLine } from './lines.ts';
import { BackupError } from './manifest.ts';

/**
 * Tables without which no service can change anything: its inbox, its outbox, what it set aside, and the history of its
 * migrations. They get their names last, all in one step.
 */
const GATES: ReadonlySet<string> = new Set(
  'outbox processed_event dead_letter parked_key replay set_aside_permit _prisma_migrations'.split(' '),
);
const UNDER_WAY = 'restoring_';

/**
 * Why the schema must not be restored now, in words; undefined: it may.
 * Asks the service's addresses, the relay's lock, and the server for sessions that the addresses do not know of.
 */
export async function whyNot(addresses: Addresses, service: ServiceName): Promise<string | undefined> {
  const running = (await readInstances({ ...addresses, gateways: [] }, [service])).filter(({ live }) => live);
  if (running.length > 0) return `${service} runs at ${running.map(({ url }) => url).join(', ')}: stop every instance`;
  const { database, migrationDatabase } = addresses.services[service];
  if (schemaIn(database) !== schemaIn(migrationDatabase))
    return `the URLs of ${service} lead to two schemas, ${schemaIn(database)} and ${schemaIn(migrationDatabase)}`;
  // The server shows a user's own sessions only: the service's are looked for, and a migration's.
  const places = new Set<string>();
  for (const url of new Set([database, migrationDatabase])) {
    const connection = await connectToServer(url);
    try {
      places.add(await placeOf({ query: (sql) => connection.query(sql) }));
      const reason = await whoIsThere(connection, schemaIn(url));
      if (reason !== undefined) return reason;
    } finally {
      await connection.end();
    }
  }
  return places.size > 1
    ? `the URLs of ${service} lead to two servers: one would be restored, and one asked`
    : undefined;
}

async function whoIsThere(connection: Connection, schema: string): Promise<string | undefined> {
  const [lock] = await connection.query<{ holder: number | bigint | null }[]>('SELECT IS_USED_LOCK(?) AS holder', [
    `relay:${schema}`,
  ]);
  if (lock?.holder)
    return `the lock of the relay of ${schema} is held by session ${lock.holder}: an instance still runs`;
  const sessions =
    await connection.query<{ Id: number | bigint; db: string | null; Host: string }[]>('SHOW PROCESSLIST');
  const [own] = await connection.query<{ id: number | bigint }[]>('SELECT CONNECTION_ID() AS id');
  const others = sessions.filter(({ Id, db }) => db === schema && Number(Id) !== Number(own?.id));
  if (others.length === 0) return undefined;
  return `${others.length} sessions are in ${schema}, e.g. from ${others[0]?.Host}: an instance still runs, or another tool`;
}

/**
 * Restores a checked backup in place of what the schema holds, and applies the migrations of this release unless the
 * binary log comes first: its rows fit the tables as they were. Until the last step the schema has no inbox and no
 * outbox, so a service that is started meanwhile cannot change anything; if this process dies, the schema stays so, and
 * the command is repeated.
 * @param next before a start the migrations are applied; before the binary log they are not
 * @returns the migrations that were applied
 */
export async function restoreBackup(
  addresses: Addresses,
  service: ServiceName,
  { part, path, manifest }: CheckedBackup,
  next: 'a start' | 'the binary log',
): Promise<string[]> {
  const url = addresses.services[service].migrationDatabase;
  const schema = schemaIn(url);
  const connection = await connectToServer(url);
  try {
    await expectServer(connection, manifest.server.kind);
    const [lock] = await connection.query<{ got: number | bigint | null }[]>('SELECT GET_LOCK(?, 0) AS got', [
      `relay:${schema}`,
    ]);
    if (Number(lock?.got) !== 1) throw new BackupError(`the lock of the relay of ${schema} is held: an instance runs`);
    await connection.query(`CREATE DATABASE IF NOT EXISTS \`${schema}\``);
    await connection.query(`USE \`${schema}\``);
    await empty(connection, schema);
    await load(connection, path);
    for (const { name, rows } of part.tables) await expectRows(connection, name, rows);
    const wanted = { beganAt: manifest.beganAt, isBeforeLog: next === 'the binary log' };
    if (SERVICES[service].recovers) await wantRecovery(connection, service, wanted);
    await openGates(
      connection,
      part.tables.map(({ name }) => name),
    );
  } finally {
    await connection.end();
  }
  if (next === 'the binary log') return [];
  return await migrate({ url, security: access().database, folder: migrationsFolder(service) });
}

async function expectServer(connection: Connection, kind: 'MySQL' | 'MariaDB'): Promise<void> {
  const [row] = await connection.query<{ version: string }[]>('SELECT VERSION() AS version');
  const here = row?.version.includes('MariaDB') ? 'MariaDB' : 'MySQL';
  if (here !== kind) throw new BackupError(`it was taken from ${kind}, and the server is ${here}`);
}

/** Removes every table; first the gates, so that no service can work with a part of the others. */
async function empty(connection: Connection, schema: string): Promise<void> {
  await connection.query('SET SESSION foreign_key_checks = 0');
  const rows = await connection.query<{ name: string }[]>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE'`,
    [schema],
  );
  const names = rows.map(({ name }) => name).sort((a, b) => Number(GATES.has(b)) - Number(GATES.has(a)));
  for (const name of names) await connection.query(`DROP TABLE \`${name}\``);
}

async function load(connection: Connection, path: string): Promise<void> {
  await connection.query('SET autocommit = 0');
  await readLines(path, async (text) => {
    const line = parseLine(text);
    await connection.query(line ? renderLine(withLoadingName(line)) : text);
    if (line?.verb === 'INSERT INTO') await connection.query('COMMIT');
  });
  await connection.query('SET autocommit = 1');
}

const loadingName = (table: string) => (GATES.has(table) ? `${UNDER_WAY}${table}` : table);

function withLoadingName(line: Line): Line {
  return { ...line, table: loadingName(line.table) };
}

async function expectRows(connection: Connection, table: string, rows: number): Promise<void> {
  const [count] = await connection.query<{ n: number | bigint }[]>(
    `SELECT COUNT(*) AS n FROM \`${loadingName(table)}\``,
  );
  if (Number(count?.n) !== rows) throw new Error(`${table} has ${count?.n} rows after its restore, not ${rows}`);
}

/**
 * A recovery that is not done: no instance goes live on the old rows. A service looks for it at each start, and only a
 * recovery that ends makes an end of it. Before the binary log it has the number 0: the log's rows have those from 1
 * on.
 */
async function wantRecovery(
  connection: Connection,
  service: ServiceName,
  { beganAt, isBeforeLog }: { readonly beganAt: string; readonly isBeforeLog: boolean },
): Promise<void> {
  const by = `${userInfo().username}@${hostname()}`.slice(0, 100);
  const reader = { query: <Row>(sql: string) => connection.query<Row[]>(sql) };
  // The log brings the inbox on: what it holds by now is not what the recovery begins with.
  const plan = isBeforeLog ? '{}' : await recoveryPlan(reader, loadingName('processed_event'));
  await connection.query("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')");
  await connection.query(
    `REPLACE INTO \`${loadingName('replay')}\` (id, kind, consumer_group, status, requested_by, reason, filters, ranges, plan,
       progress, rate, max_lag, error, requested_at, started_at, updated_at, finished_at)
     VALUES (?, 'RECOVERY', ?, 'FAILED', ?, ?, '{}', '[]', ?, '{}', 0, 0, 'the recovery is still to come',
       UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))`,
    [isBeforeLog ? 0 : null, service, by, `restored from a backup of ${beganAt}`, plan],
  );
}

/** One statement renames all of them, or none. */
async function openGates(connection: Connection, tables: readonly string[]): Promise<void> {
  const renames = tables.filter((name) => GATES.has(name)).map((name) => `\`${loadingName(name)}\` TO \`${name}\``);
  await connection.query(`RENAME TABLE ${renames.join(', ')}`);
}

function schemaIn(url: string): string {
  return new URL(url).pathname.slice(1);
}

/** A connection that is in no schema: it may be gone. */
function connectToServer(url: string): Promise<Connection> {
  const server = new URL(url);
  server.pathname = '/';
  return connectExactly(server.href);
}
