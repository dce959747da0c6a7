import type { PointEntry } from '../domain/payment.ts';

/** An entry of an account's history, in the form shown to its user; amounts in won. */
export interface PointHistoryItem {
  readonly id: number;
  readonly type: PointEntry['type'];
  readonly amount: number;
  readonly balanceAfter: number;
  readonly orderId?: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
}

/** The reads of an account's history. */
export interface PointReads {
  /** Newest first; only entries older than `before`. */
  historyOf(userId: number, page: { before: number | undefined; take: number }): Promise<PointHistoryItem[]>;
}
