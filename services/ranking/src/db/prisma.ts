import type { PooledDatabase } from '@shop/service';
import { prismaAdapter } from '@shop/service/prisma';
import { PrismaClient } from './generated/client.ts';

/** Prisma for the reads. */
export function createPrisma(database: PooledDatabase): PrismaClient {
  return new PrismaClient({ adapter: prismaAdapter(database) });
}

export type { PrismaClient };
