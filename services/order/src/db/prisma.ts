import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import type { PooledDatabase } from '@shop/service';
import { PrismaClient } from './generated/client.ts';

type AdapterPool = ConstructorParameters<typeof PrismaMariaDb>[0];

/** Prisma on the connections of `database`: one pool for both. The adapter's types are those of another driver version. */
export function createPrisma(database: PooledDatabase): PrismaClient {
  const pool = database.pool as unknown as AdapterPool;
  return new PrismaClient({ adapter: new PrismaMariaDb(pool, { database: database.schema }) });
}
