import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { emptyBroker } from '@shop/events';
import { Redis } from 'ioredis';
import { stackEnv } from '../../deploy/local/addresses.ts';
import { openStack, type Stack } from '../../deploy/local/stack.ts';
import { connectSql, type SqlConnection } from '../../ops/src/sql.ts';
import { ALL_SERVICE_NAMES, EXAMPLE_NAMES, SERVICE_NAMES, schemaOf } from '../../services/services.ts';

export const SCHEMAS = ALL_SERVICE_NAMES.map((name) => schemaOf(name));

/**
 * The stack that the test command started for these tests, with the examples in SHOP_WITH. Any other stack is refused:
 * the tests empty schemas and kill processes.
 */
export function testStack(env: Record<string, string | undefined> = process.env): Stack {
  const name = env.SHOP_STACK;
  if (!name) throw new Error('these tests need a stack of their own: run them with `npm test -- <path>`');
  if (!/(^|-)test$/.test(name)) throw new Error(`the stack ${name} is not a test's: run these tests with \`npm test\``);
  const stack = openStack(name);
  const existing = Object.keys(stack.layout.existing);
  if (existing.length > 0)
    throw new Error(`the stack ${name} uses servers that existed before: ${existing.join(', ')}`);
  const examples = EXAMPLE_NAMES.filter((example) => SERVICE_NAMES.includes(example));
  const layout = { ...stack.layout, examples };
  return { ...stack, layout, env: stackEnv(layout) };
}

/** A connection with all rights, for tests that read or prepare tables. */
export function connectRoot(stack: Stack): Promise<SqlConnection> {
  const url = stack.env.MYSQL_ROOT_URL;
  if (!url) throw new Error(`the stack ${stack.name} names no MYSQL_ROOT_URL`);
  return connectSql(url);
}

/**
 * Empties every schema, the log, Redis and the data platform (which must not run): other tests' events would be
 * consumed as orders that do not exist.
 */
export async function wipe(stack: Stack): Promise<void> {
  emptyDataPlatform(stack);
  await Promise.all([emptyKafka(stack), emptySchemas(stack), emptyRedis(stack)]);
}

/** Removes what earlier tests delivered to the data platform, which must not run. */
export function emptyDataPlatform(stack: Stack): void {
  rmSync(join(stack.dir, 'data-platform'), { recursive: true, force: true });
}

async function emptyKafka(stack: Stack): Promise<void> {
  if (await emptyBroker(stack.env.KAFKA_BROKERS ?? '')) return;
  const kafka = stack.part('kafka');
  await kafka.stop();
  rmSync(join(stack.dir, 'kafka'), { recursive: true, force: true });
  await kafka.start();
}

/** Connections that truncate. */
const TRUNCATING = 4;

/** Truncating a table makes its file anew, which takes some 40 ms: only tables with rows are, several at a time. */
async function emptySchemas(stack: Stack): Promise<void> {
  const connections = await Promise.all(Array.from({ length: TRUNCATING }, () => connectRoot(stack)));
  try {
    const [first] = connections as [SqlConnection];
    const full = await withRows(first, await tables(first));
    await Promise.all(
      connections.map(async (sql, index) => {
        const own = full.filter((_, place) => place % TRUNCATING === index);
        for (const table of own) await sql.execute(`TRUNCATE TABLE ${table}`);
      }),
    );
  } finally {
    await Promise.all(connections.map((sql) => sql.close()));
  }
}

async function withRows(sql: SqlConnection, all: readonly string[]): Promise<string[]> {
  const found = await sql.query<{ name: string }>(
    all.map((table) => `SELECT '${table}' AS name FROM DUAL WHERE EXISTS (SELECT 1 FROM ${table})`).join(' UNION ALL '),
  );
  return found.map(({ name }) => name);
}

async function emptyRedis(stack: Stack): Promise<void> {
  const redis = connectRedis(stack);
  await redis.flushall().finally(() => redis.disconnect());
}

/** A connection to the stack's Redis, for tests that look at it or empty it. */
export function connectRedis(stack: Stack): Redis {
  const redis = new Redis(stack.env.REDIS_URL ?? '');
  // Tests stop the server; the client reconnects by itself.
  redis.on('error', () => undefined);
  return redis;
}

async function tables(sql: SqlConnection): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(
    `SELECT CONCAT(table_schema, '.', table_name) AS name FROM information_schema.tables
      WHERE table_schema IN (?) AND table_type = 'BASE TABLE' AND table_name <> '_prisma_migrations' ORDER BY name`,
    [[...SCHEMAS]],
  );
  return rows.map((row) => row.name);
}

/** Row counts of every table of every schema, except tables whose rows come and go by themselves (`except`). */
export async function rowCounts(stack: Stack, except: readonly string[] = ['outbox']): Promise<Record<string, number>> {
  const sql = await connectRoot(stack);
  try {
    const counts: Record<string, number> = {};
    for (const table of await tables(sql)) {
      if (except.some((name) => table.endsWith(`.${name}`))) continue;
      const [row] = await sql.query<{ rows_: number }>(`SELECT COUNT(*) AS rows_ FROM ${table}`);
      counts[table] = row?.rows_ ?? 0;
    }
    return counts;
  } finally {
    await sql.close();
  }
}
