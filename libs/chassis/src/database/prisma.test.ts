import { expect, it } from '@jest/globals';
import type { PooledDatabase } from './database.ts';
import { lazyPrisma, type PrismaOptions } from './prisma.ts';

const database = { pool: {}, schema: 'shop_test' } as unknown as PooledDatabase;

/** Loads clients and records, in order, when each is made and ended. */
function loader({ failures = 0 } = {}) {
  const events: string[] = [];
  class PrismaClient {
    readonly $disconnect = async () => void events.push('ended');
    constructor({ adapter }: PrismaOptions) {
      events.push(`made on ${adapter.provider}`);
    }
  }
  const prisma = lazyPrisma(database, async () => {
    if (failures-- > 0) throw new Error('no such file');
    return { PrismaClient };
  });
  return { prisma, events };
}

it('when no client is asked for, then none is made, and there is none to end', async () => {
  const { prisma, events } = loader();
  await prisma.close();
  expect(events).toEqual([]);
});

it('when several ask at once, then they share one client, which is ended with the process', async () => {
  const { prisma, events } = loader();
  const [one, two] = await Promise.all([prisma(), prisma()]);
  expect(one).toBe(two);
  await prisma.close();
  expect(events).toEqual(['made on mysql', 'ended']);
});

it('when the client cannot be loaded, then the caller is told, and the next caller tries again', async () => {
  const { prisma, events } = loader({ failures: 1 });
  await expect(prisma()).rejects.toThrow('no such file');
  await prisma();
  expect(events).toEqual(['made on mysql']);
});
