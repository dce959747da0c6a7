import type { PooledDatabase } from './database.ts';

/** The options of a Prisma client: the adapter that puts it on the service's pool. */
export interface PrismaOptions {
  readonly adapter: import('@prisma/adapter-mariadb').PrismaMariaDb;
}

/** A Prisma client that is loaded at the first call. */
export interface LazyPrisma<Client> {
  (): Promise<Client>;
  /** Ends the client, if there is one. The pool stays open. */
  close(): Promise<void>;
}

/**
 * Prisma, its query compiler and its driver take some 40 MB of a process, and the services use it only for lists that
 * few users open. So a process loads it at the first such list (a tenth of a second, once), and a process without such
 * requests never loads it. When loading fails, the next call tries again.
 * @param load the client that is generated from the service's prisma/schema.prisma
 * @example `lazyPrisma(database, () => import('./db/generated/client.ts'))`
 */
export function lazyPrisma<Client extends { $disconnect(): Promise<void> }>(
  database: PooledDatabase,
  load: () => Promise<{ readonly PrismaClient: new (options: PrismaOptions) => Client }>,
): LazyPrisma<Client> {
  let loading: Promise<Client> | undefined;

  async function create(): Promise<Client> {
    const { PrismaMariaDb } = await import('@prisma/adapter-mariadb');
    // The adapter brings another release of the driver; its pool differs only in types.
    type AdapterPool = ConstructorParameters<typeof PrismaMariaDb>[0];
    const pool = database.pool as unknown as AdapterPool;
    const { PrismaClient } = await load();
    return new PrismaClient({ adapter: new PrismaMariaDb(pool, { database: database.schema }) });
  }

  function client(): Promise<Client> {
    loading ??= create().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  }

  const close = async (): Promise<void> => {
    const loaded = await loading?.catch(() => undefined);
    await loaded?.$disconnect();
  };
  return Object.assign(client, { close });
}
