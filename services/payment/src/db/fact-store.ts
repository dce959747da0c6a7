import { insertRows, restoreIdempotencyKeys, type Transaction } from '@shop/chassis';
import type { FactStore } from '../usecases/apply-facts.ts';
import { ACCOUNT_COLUMNS, balancesAfter, ENTRY_COLUMNS, entryRow, lockAccounts } from './account-store.ts';
import { lockPayments, PAYMENT_COLUMNS, paymentRow } from './payment-store.ts';

/**
 * Restored payments and accounts in MySQL, each row with the times of its own events. An upsert inserts, or updates a
 * row that `load` has locked. No other transaction inserts a fact's row: its first writer committed before the fact was
 * sent.
 */
export const sqlFactStore: FactStore<Transaction> = {
  knownCharges: async (tx, requestIds) => new Set((await balancesAfter(tx, requestIds)).keys()),

  restoreKeys: restoreIdempotencyKeys,

  async load(tx, { orderIds, userIds }) {
    const payments = orderIds.length === 0 ? new Map() : await lockPayments(tx, orderIds);
    return { payments, balances: await lockAccounts(tx, userIds) };
  },

  async savePayments(tx, payments) {
    const rows = payments.map(({ payment, createdAt, updatedAt }) => paymentRow(payment, createdAt, updatedAt));
    const onDuplicateUpdate = 'status = VALUES(status), updated_at = VALUES(updated_at)';
    await insertRows(tx, 'payments', PAYMENT_COLUMNS, rows, { onDuplicateUpdate });
  },

  async saveBalances(tx, balances) {
    const rows = balances.map(({ userId, balance, from, to }) => [userId, balance, from, to]);
    const onDuplicateUpdate = 'balance = VALUES(balance), updated_at = VALUES(updated_at)';
    await insertRows(tx, 'accounts', ACCOUNT_COLUMNS, rows, { onDuplicateUpdate });
  },

  async addEntries(tx, entries) {
    await insertRows(
      tx,
      'point_history',
      ENTRY_COLUMNS,
      entries.map((entry) => entryRow(entry, entry.at)),
    );
  },
};
