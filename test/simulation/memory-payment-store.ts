import type { Payment, PointEntry } from '../../services/payment/src/domain/payment.ts';
import type { AccountStore } from '../../services/payment/src/usecases/charge-points.ts';
import type { PaymentStore } from '../../services/payment/src/usecases/pay-orders.ts';
import { SimulatedCheckViolation } from './memory-catalog-store.ts';
import { inMemory, type MemoryTransaction, Table } from './memory-database.ts';

export interface AccountRow {
  readonly userId: number;
  readonly balance: number;
}

/** The payment service's own tables. */
export class PaymentTables {
  readonly accounts = new Table<AccountRow>('accounts');
  readonly payments = new Table<Payment>('payments');
  readonly history = new Table<PointEntry & { readonly id: number }>('point_history');
  /** The unique keys of the history: (order, type) and request. */
  readonly historyUnique = new Table<true>('point_history_unique', { locksGaps: true });
}

export function createMemoryPaymentStore(tables: PaymentTables): PaymentStore<MemoryTransaction> {
  return {
    async load(tx, { orderIds, userIds }) {
      await tx.statement(`lock ${orderIds.length} payments`);
      const payments = await tx.lock(tables.payments, orderIds);
      const wanted = new Set(userIds);
      for (const payment of payments) if (payment.status === 'COMPLETED') wanted.add(payment.userId);
      await tx.statement(`lock ${wanted.size} accounts`);
      const keys = [...wanted].sort((a, b) => a - b).map(String);
      const accounts = await tx.lock(tables.accounts, keys);
      return {
        payments: new Map(payments.map((payment) => [payment.orderId, payment])),
        balances: new Map(accounts.map(({ userId, balance }) => [userId, balance])),
      };
    },

    async save(tx, { created, changed, balances, entries }) {
      await tx.statement(`save ${[...created, ...changed].map((it) => `${it.orderId} ${it.status}`).join(', ')}`);
      for (const payment of created) await tx.insert(tables.payments, payment.orderId, payment);
      for (const payment of changed) await tx.put(tables.payments, payment.orderId, payment);
      await tx.statement(`set ${balances.length} balances`);
      for (const { userId, balance } of balances) await setBalance(tx, tables, userId, balance);
      await addEntries(tx, tables, entries);
    },
  };
}

async function setBalance(
  tx: MemoryTransaction,
  tables: PaymentTables,
  userId: number,
  balance: number,
): Promise<void> {
  if (balance < 0) throw new SimulatedCheckViolation(`balance of user ${userId}: ${balance}`);
  await tx.put(tables.accounts, String(userId), { userId, balance });
}

async function addEntries(tx: MemoryTransaction, tables: PaymentTables, entries: readonly PointEntry[]): Promise<void> {
  for (const entry of entries) {
    const id = tx.nextId();
    await tx.insert(tables.history, String(id), { ...entry, id });
    const unique = entry.orderId === null ? `request/${entry.requestId}` : `order/${entry.orderId}/${entry.type}`;
    await tx.insert(tables.historyUnique, unique, true);
  }
}

/** The account store of payment's HTTP use cases. */
export function createMemoryAccountStore(tables: PaymentTables): AccountStore {
  return {
    async openAccounts(sqlTx, userIds) {
      const tx = inMemory(sqlTx);
      await tx.statement(`open ${userIds.length} accounts`);
      // As in SQL: those that are there first, then the others.
      const there = await tx.lock(tables.accounts, userIds.map(String));
      const balances = new Map(there.map(({ userId, balance }) => [userId, balance]));
      const missing = userIds.filter((userId) => !balances.has(userId));
      if (missing.length > 0) await tx.statement(`insert ${missing.length} accounts`);
      for (const userId of missing) {
        const row = await tx.upsert(tables.accounts, String(userId), (own) => own ?? { userId, balance: 0 });
        balances.set(userId, row.balance);
      }
      return balances;
    },

    async setBalances(sqlTx, balances) {
      const tx = inMemory(sqlTx);
      await tx.statement(`set ${balances.length} balances`);
      for (const { userId, balance } of balances) await setBalance(tx, tables, userId, balance);
    },

    async addEntries(sqlTx, entries) {
      const tx = inMemory(sqlTx);
      await tx.statement(`add ${entries.length} entries`);
      await addEntries(tx, tables, entries);
    },

    async balancesAfter(sqlTx, requestIds) {
      const tx = inMemory(sqlTx);
      await tx.statement('read charges');
      const rows = tx.scan(tables.history).filter((row) => row.requestId && requestIds.includes(row.requestId));
      return new Map(rows.map((row) => [row.requestId ?? '', row.balanceAfter]));
    },
  };
}
