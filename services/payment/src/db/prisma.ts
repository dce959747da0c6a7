import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import type { PooledDatabase } from '@shop/service';
import { PrismaClient } from './generated/client.ts';

/** The adapter brings another release of the driver, whose pool is the same but for its types. */
type AdapterPool = ConstructorParameters<typeof PrismaMariaDb>[0];

/** Prisma for the reads, on the pool that raw SQL uses too. */
export function createPrisma(database: PooledDatabase): PrismaClient {
  const pool = database.pool as unknown as AdapterPool;
  return new PrismaClient({ adapter: new PrismaMariaDb(pool, { database: database.schema }) });
}

export type { PrismaClient };
