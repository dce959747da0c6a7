import { placeholders, type SqlExecutor } from '@shop/chassis';
import type { LazyPrisma } from '@shop/chassis/prisma';
import type { PointEntry } from '../domain/payment.ts';
import type { PointReads } from '../usecases/ports.ts';
import type { PrismaClient } from './generated/client.ts';

/** The balances of these users, in their order, in won, by one statement. 0 for a user who never charged. */
export async function readBalances(db: SqlExecutor, userIds: readonly number[]): Promise<number[]> {
  const ids = [...new Set(userIds)];
  const rows = await db.query<{ userId: number; balance: number }>(
    `SELECT user_id AS userId, balance FROM accounts WHERE user_id IN (${placeholders(ids.length)})`,
    ids,
  );
  const balances = new Map(rows.map(({ userId, balance }) => [userId, balance]));
  return userIds.map((userId) => balances.get(userId) ?? 0);
}

export function createPointReads(prisma: LazyPrisma<PrismaClient>): PointReads {
  return {
    async historyOf(userId, { before, take }) {
      const entries = await (await prisma()).pointEntry.findMany({
        where: { userId, ...(before === undefined ? {} : { id: { lt: before } }) },
        orderBy: { id: 'desc' },
        take,
      });
      return entries.map(({ id, type, amount, balanceAfter, orderId, createdAt }) => ({
        id: Number(id),
        type: type as PointEntry['type'],
        amount: Number(amount),
        balanceAfter: Number(balanceAfter),
        ...(orderId === null ? {} : { orderId }),
        createdAt: createdAt.toISOString(),
      }));
    },
  };
}
