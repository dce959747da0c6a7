import { insertRows, placeholders, type Transaction } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { Snapshot } from '../domain/batch.ts';
import type { Payment } from '../domain/payment.ts';
import type { PaymentStore } from '../usecases/pay-orders.ts';
import { addEntries, lockAccounts, setBalances } from './account-store.ts';

/**
 * Payments and accounts in MySQL. A batch takes at most six statements, whatever its size.
 *
 * Lock order, for everything that locks in this schema: idempotency keys, then payments by order id, then accounts by
 * user id. The primary key is forced: on a small table a scan may look cheaper, but would lock, and wait for, unrelated
 * rows.
 *
 * Payments without a row are inserted plainly at the end. READ COMMITTED locks no gaps, and an order's payable event
 * (stock-reserved or coupon-redeemed) and its order-cancelled are on different topics, so two instances may insert the
 * same order. The duplicate-key error then rolls this batch back, and the consumer runs it again on the rows of the
 * other.
 */
export const sqlPaymentStore: PaymentStore<Transaction> = {
  async load(tx, { orderIds, userIds }) {
    const payments = await lockPayments(tx, orderIds);
    const wanted = new Set(userIds);
    for (const payment of payments.values()) if (payment.status === 'COMPLETED') wanted.add(payment.userId);
    return {
      payments,
      balances: await lockAccounts(
        tx,
        [...wanted].sort((a, b) => a - b),
      ),
    };
  },

  async save(tx, { created, changed, balances, entries, at }) {
    const row = (it: Payment) => paymentRow(it, at, at);
    if (created.length > 0) await insertRows(tx, 'payments', PAYMENT_COLUMNS, created.map(row));
    // These rows exist and are locked, so the upsert is an update: many rows, one statement.
    if (changed.length > 0) {
      await insertRows(tx, 'payments', PAYMENT_COLUMNS, changed.map(row), {
        onDuplicateUpdate: 'status = VALUES(status), updated_at = VALUES(updated_at)',
      });
    }
    if (balances.length > 0) await setBalances(tx, balances, at);
    if (entries.length > 0) await addEntries(tx, entries, at);
  },
};

export const PAYMENT_COLUMNS = [
  'order_id',
  'user_id',
  'status',
  'reason',
  'paid_amount',
  'discount_amount',
  'created_at',
  'updated_at',
];

/** The values of PAYMENT_COLUMNS. */
export function paymentRow(it: Payment, createdAt: Date, updatedAt: Date) {
  const captured = 'paidAmount' in it;
  return [
    it.orderId,
    it.userId,
    it.status,
    captured ? null : it.reason,
    captured ? it.paidAmount : 0,
    captured ? it.discountAmount : 0,
    createdAt,
    updatedAt,
  ];
}

interface PaymentRow {
  orderId: string;
  userId: number;
  status: Payment['status'];
  reason: string | null;
  paidAmount: number;
  discountAmount: number;
}

/** Locks the payments in order id order and reads them; missing ones are absent. */
export async function lockPayments(tx: Transaction, orderIds: readonly string[]): Promise<Snapshot['payments']> {
  const rows = await tx.query<PaymentRow>(
    `SELECT order_id AS orderId, user_id AS userId, status, reason, paid_amount AS paidAmount, discount_amount AS discountAmount
       FROM payments FORCE INDEX (PRIMARY) WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id FOR UPDATE`,
    orderIds,
  );
  return new Map(rows.map((row) => [row.orderId, toPayment(row)]));
}

function toPayment({ orderId, userId, status, reason, paidAmount, discountAmount }: PaymentRow): Payment {
  switch (status) {
    case 'COMPLETED':
    case 'REFUNDED':
      return { orderId, userId, status, paidAmount, discountAmount };
    case 'FAILED':
    case 'VOID':
      return { orderId, userId, status, reason: reason ?? '' };
    default:
      return unreachable(status, `payment ${orderId} has an unknown status`);
  }
}
