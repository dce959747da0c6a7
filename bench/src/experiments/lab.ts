import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createDatabase, createLogger, createRedis, openConnection } from '@shop/chassis';
import type { Lab, Redis } from './experiment.ts';

/** Longer than a service's transactions, for loading a table. */
const TRANSACTION_TIMEOUT_MS = 600_000;

export interface LabOptions {
  /** Environment with MYSQL_ROOT_URL and REDIS_URL of the servers to use. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly quick: boolean;
  readonly say: (words: string) => void;
}

/** Runs `work` with a scratch schema and its own key prefix; both are removed afterwards, even after an error. */
export async function withLab<T>(options: LabOptions, work: (lab: Lab) => Promise<T>): Promise<T> {
  const { env, quick, say } = options;
  const name = `bench_${randomBytes(6).toString('hex')}`;
  const root = new URL(env.MYSQL_ROOT_URL ?? '');
  await asRoot(root, `CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  const database = createDatabase({
    url: withSchema(root, name),
    applicationName: 'experiment',
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
  });
  const opened: Redis[] = [];
  try {
    const [server] = await database.query<{ version: string }>('SELECT VERSION() AS version');
    const version = server?.version ?? '';
    const kind = version.includes('MariaDB') ? 'MariaDB' : 'MySQL';
    const lab: Lab = {
      database,
      server: `${kind} ${version.split('-')[0]}`,
      async openRedis() {
        const redis = createRedis(env.REDIS_URL ?? '', createLogger({ service: 'experiment', level: 'error' }));
        opened.push(redis);
        await once(redis, 'ready');
        return redis;
      },
      prefix: `${name}:`,
      quick,
      say,
    };
    return await work(lab);
  } finally {
    if (opened[0]) await removeKeys(opened[0], `${name}:*`);
    for (const redis of opened) redis.disconnect();
    await database.close();
    await asRoot(root, `DROP DATABASE ${name}`);
  }
}

async function removeKeys(redis: Redis, pattern: string): Promise<void> {
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    if (keys.length > 0) await redis.unlink(...keys);
    cursor = next;
    if (cursor === '0') return;
  }
}

async function asRoot(root: URL, sql: string): Promise<void> {
  const url = withSchema(root, 'information_schema');
  const connection = await openConnection({ url, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS });
  try {
    await connection.execute(sql);
  } finally {
    await connection.end();
  }
}

function withSchema(root: URL, schema: string): string {
  const url = new URL(root);
  url.pathname = `/${schema}`;
  return url.href;
}
