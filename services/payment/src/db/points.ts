import type { PointEntry } from '../domain/payment.ts';
import type { PrismaClient } from './prisma.ts';

/** An entry of an account's history as it is shown; amounts in won. */
export interface PointHistoryItem {
  readonly id: number;
  readonly type: PointEntry['type'];
  readonly amount: number;
  readonly balanceAfter: number;
  readonly orderId?: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** The reads of points. */
export interface PointReads {
  /** In won; 0 for a user who never charged. */
  balanceOf(userId: number): Promise<number>;
  /** Newest first; only entries older than `before`. */
  historyOf(userId: number, page: { before: number | undefined; take: number }): Promise<PointHistoryItem[]>;
}

export function createPointReads(prisma: PrismaClient): PointReads {
  return {
    async balanceOf(userId) {
      const account = await prisma.account.findUnique({ where: { userId }, select: { balance: true } });
      return Number(account?.balance ?? 0);
    },
    async historyOf(userId, { before, take }) {
      const entries = await prisma.pointEntry.findMany({
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
