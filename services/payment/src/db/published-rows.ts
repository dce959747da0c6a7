import { keysOfRequests, type SqlExecutor } from '@shop/chassis';
import { type PastEvent, type PublishedRows, pagesAfter } from '@shop/events';
import { type Payment, paymentCompleted, paymentFailed, paymentRefunded } from '../domain/payment.ts';
import { pointsCharged } from '../usecases/charge-points.ts';

interface PaymentRow {
  readonly orderId: string;
  readonly userId: number;
  readonly status: Payment['status'];
  readonly reason: string | null;
  readonly paidAmount: number;
  readonly discountAmount: number;
  readonly at: Date;
  /** The account's balance after the points were taken, and after they were given back. */
  readonly usedBalance: number | null;
  readonly refundedBalance: number | null;
  readonly refundedAt: Date | null;
}

interface ChargeRow {
  readonly id: number;
  readonly userId: number;
  readonly amount: number;
  readonly balanceAfter: number;
  readonly requestId: string;
  readonly at: Date;
}

/** Payment's events, from the payments with the history of their points, and from the charges. */
export const paymentPublished: readonly PublishedRows[] = [
  {
    types: ['payment-completed', 'payment-failed', 'payment-refunded'],
    partly: 'payment-failed has payableAmount 0 and balance 0: the row keeps the reason only',
    async *read(sql, since) {
      const rows = pagesAfter<PaymentRow>((last, limit) => readPayments(sql, since, last?.orderId ?? '', limit));
      for await (const page of rows) yield page.flatMap(ofPayment).filter(({ at }) => at >= since);
    },
  },
  {
    types: ['points-charged'],
    partly: 'points-charged has its idempotencyKey and requestHash only while the key is kept (null afterwards)',
    async *read(sql, since) {
      const rows = pagesAfter<ChargeRow>((last, limit) =>
        sql.query(
          `SELECT id, user_id AS userId, amount, balance_after AS balanceAfter, request_id AS requestId, created_at AS at
             FROM point_history WHERE type = 'CHARGE' AND created_at >= ? AND id > ? ORDER BY id LIMIT ?`,
          [since, last?.id ?? 0, limit],
        ),
      );
      for await (const page of rows) {
        const keys = await keysOfRequests(sql, page);
        yield page.map((row) => ({
          event: pointsCharged({ ...row, chargedAt: row.at }, keys.get(row.requestId)),
          at: row.at,
        }));
      }
    },
  },
];

function readPayments(sql: Pick<SqlExecutor, 'query'>, since: Date, after: string, limit: number) {
  return sql.query<PaymentRow>(
    `SELECT p.order_id AS orderId, p.user_id AS userId, p.status, p.reason, p.paid_amount AS paidAmount,
            p.discount_amount AS discountAmount, p.created_at AS at, used.balance_after AS usedBalance,
            refunded.balance_after AS refundedBalance, refunded.created_at AS refundedAt
       FROM payments p
       LEFT JOIN point_history used ON used.order_id = p.order_id AND used.type = 'USE'
       LEFT JOIN point_history refunded ON refunded.order_id = p.order_id AND refunded.type = 'REFUND'
      WHERE p.status <> 'VOID' AND p.updated_at >= ? AND p.order_id > ? ORDER BY p.order_id LIMIT ?`,
    [since, after, limit],
  );
}

function ofPayment(row: PaymentRow): PastEvent[] {
  const { orderId, userId, reason, paidAmount, at, refundedAt } = row;
  if (row.status === 'FAILED') return [{ event: paymentFailed({ orderId, userId, reason: reason ?? '' }, 0, 0), at }];
  const completed = { event: paymentCompleted(row, row.usedBalance ?? 0), at };
  if (row.status !== 'REFUNDED' || refundedAt === null) return [completed];
  const event = paymentRefunded(orderId, userId, paidAmount, row.refundedBalance ?? 0);
  return [completed, { event, at: refundedAt }];
}
