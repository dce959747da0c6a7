import { randomBytes } from 'node:crypto';
import { createDatabase, openConnection, type PooledDatabase, splitStatements } from '../database/index.ts';

/**
 * The root URL of the test stack's MySQL. Throws unless the environment is that of a stack named `test` or
 * `<something>-test`, so that a test neither skips itself nor touches data in use.
 */
export function testServerUrl(env: NodeJS.ProcessEnv = process.env): string {
  const { SHOP_STACK: stack, MYSQL_ROOT_URL: url } = env;
  if (!stack || !url) throw new Error('this test needs the stack: run it with `npm test -- <path>`');
  if (!/(^|-)test$/.test(stack)) throw new Error(`the stack "${stack}" is not a test's: its data is not touched`);
  return url;
}

export interface TestDatabase {
  readonly database: PooledDatabase;
  readonly url: string;
  /** Closes the pool and drops the schema. */
  drop(): Promise<void>;
}

/**
 * A new empty schema on the test stack, named `shop_t_<random>`, with `scripts` applied.
 * @param scripts SQL text, any number of statements each
 */
export async function uniqueSchemaDatabase(
  scripts: readonly string[] = [],
  { poolSize = 10 }: { poolSize?: number } = {},
): Promise<TestDatabase> {
  const schema = `shop_t_${randomBytes(6).toString('hex')}`;
  const server = new URL(testServerUrl());
  await asRoot(server, `CREATE DATABASE ${schema} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  const url = withSchema(server, schema);
  const database = createDatabase({ url, poolSize, applicationName: 'test' });
  for (const statement of scripts.flatMap(splitStatements)) await database.execute(statement);
  return {
    database,
    url,
    async drop() {
      await database.close();
      await asRoot(server, `DROP DATABASE ${schema}`);
    },
  };
}

async function asRoot(server: URL, sql: string): Promise<void> {
  const connection = await openConnection({ url: withSchema(server, 'information_schema') });
  try {
    await connection.execute(sql);
  } finally {
    await connection.end();
  }
}

function withSchema(server: URL, schema: string): string {
  const url = new URL(server);
  url.pathname = `/${schema}`;
  return url.href;
}
