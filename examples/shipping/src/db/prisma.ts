import type { PooledDatabase } from '@shop/chassis';
import { type LazyPrisma, lazyPrisma } from '@shop/chassis/prisma';
import type { PrismaClient } from './generated/client.ts';

export type Prisma = LazyPrisma<PrismaClient>;

/** Prisma for the reads, loaded at the first of them. */
export function createPrisma(database: PooledDatabase): Prisma {
  return lazyPrisma(database, async (options) => {
    const { PrismaClient } = await import('./generated/client.ts');
    return new PrismaClient(options);
  });
}
