import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import type { PooledDatabase } from './database.ts';

/** The adapter brings another release of the driver, whose pool is the same but for its types. */
type AdapterPool = ConstructorParameters<typeof PrismaMariaDb>[0];

/** Puts Prisma on the pool that raw SQL uses too. Prisma's `$disconnect` leaves the pool open. */
export function prismaAdapter(database: PooledDatabase): PrismaMariaDb {
  return new PrismaMariaDb(database.pool as unknown as AdapterPool, { database: database.schema });
}
