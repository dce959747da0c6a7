import { insertRows, placeholders, type Transaction } from '@shop/chassis';
import type { PointEntry } from '../domain/payment.ts';

/** Locks the accounts in user id order and reads their balances (won). Users without an account are absent. */
export async function lockAccounts(tx: Transaction, userIds: readonly number[]): Promise<Map<number, number>> {
  if (userIds.length === 0) return new Map();
  const rows = await tx.query<{ userId: number; balance: number }>(
    `SELECT user_id AS userId, balance
       FROM accounts FORCE INDEX (PRIMARY) WHERE user_id IN (${placeholders(userIds.length)}) ORDER BY user_id FOR UPDATE`,
    userIds,
  );
  return new Map(rows.map((row) => [row.userId, row.balance]));
}

/**
 * Like `lockAccounts`, and opens missing accounts.
 *
 * Missing accounts are inserted after the others are locked, again in user id order. An upsert locks a row that another
 * transaction has inserted meanwhile exclusively; INSERT IGNORE would take a shared lock, and two such transactions
 * would deadlock when both then update.
 */
export async function openAccounts(
  tx: Transaction,
  userIds: readonly number[],
  at: Date,
): Promise<Map<number, number>> {
  const balances = await lockAccounts(tx, userIds);
  const missing = userIds.filter((userId) => !balances.has(userId));
  if (missing.length === 0) return balances;
  await insertRows(
    tx,
    'accounts',
    ACCOUNT_COLUMNS,
    missing.map((userId) => [userId, 0, at, at]),
    { onDuplicateUpdate: 'user_id = VALUES(user_id)' },
  );
  for (const [userId, balance] of await lockAccounts(tx, missing)) balances.set(userId, balance);
  return balances;
}

/** Writes the balances of existing, locked accounts: the upsert updates many rows in one statement. */
export async function setBalances(
  tx: Transaction,
  balances: readonly { readonly userId: number; readonly balance: number }[],
  at: Date,
): Promise<void> {
  await insertRows(
    tx,
    'accounts',
    ACCOUNT_COLUMNS,
    balances.map(({ userId, balance }) => [userId, balance, at, at]),
    { onDuplicateUpdate: 'balance = VALUES(balance), updated_at = VALUES(updated_at)' },
  );
}

/** Adds to the history, in the order given. */
export async function addEntries(tx: Transaction, entries: readonly PointEntry[], at: Date): Promise<void> {
  await insertRows(
    tx,
    'point_history',
    ENTRY_COLUMNS,
    entries.map((entry) => entryRow(entry, at)),
  );
}

export const ACCOUNT_COLUMNS = ['user_id', 'balance', 'created_at', 'updated_at'];
export const ENTRY_COLUMNS = ['user_id', 'type', 'amount', 'balance_after', 'order_id', 'request_id', 'created_at'];

/** The values of ENTRY_COLUMNS. */
export function entryRow(it: PointEntry, at: Date) {
  return [it.userId, it.type, it.amount, it.balanceAfter, it.orderId, it.requestId, at];
}

/** Request id → the balance after that request's charge. */
export async function balancesAfter(tx: Transaction, requestIds: readonly string[]): Promise<Map<string, number>> {
  if (requestIds.length === 0) return new Map();
  const rows = await tx.query<{ requestId: string; balanceAfter: number }>(
    `SELECT request_id AS requestId, balance_after AS balanceAfter
       FROM point_history WHERE request_id IN (${placeholders(requestIds.length)})`,
    requestIds,
  );
  return new Map(rows.map((row) => [row.requestId, row.balanceAfter]));
}
