import { expect, it } from '@jest/globals';
import type { SqlValue, Transaction } from '@shop/chassis';
import type { NewEvent } from '@shop/events';
import { BALANCE_LIMIT } from '../domain/charge.ts';
import { type AccountStore, type ChargeRequest, createChargePoints } from './charge-points.ts';

/** The idempotency keys of one transaction, in memory: the effect of their three statements. */
function memoryTransaction(): Transaction {
  const owners = new Map<string, readonly SqlValue[]>();
  const rowsOf = (values: readonly SqlValue[], width: number) =>
    Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
  const nameOf = (row: readonly SqlValue[]) => row.slice(0, 3).join(' ');
  return {
    async query<Row>(_sql: string, params: readonly SqlValue[] = []) {
      const found = rowsOf(params, 3).flatMap((row) => [owners.get(nameOf(row)) ?? []]);
      return found.map(([userId, scope, key, requestHash, requestId]) => ({
        ...{ userId, scope, key, requestHash, requestId },
      })) as Row[];
    },
    async execute(sql, params = []) {
      const before = owners.size;
      if (sql.startsWith('DELETE')) for (const row of rowsOf(params, 4)) owners.delete(nameOf(row));
      else for (const row of rowsOf(params, 6)) if (!owners.has(nameOf(row))) owners.set(nameOf(row), row);
      return { affectedRows: Math.abs(owners.size - before), insertId: 0 };
    },
    onCommit() {},
  };
}

function chargesOn(balance: number) {
  let current = balance;
  const accounts: AccountStore = {
    openAccounts: async (_tx, userIds) => new Map(userIds.map((userId) => [userId, current])),
    setBalances: async (_tx, balances) => {
      for (const account of balances) current = account.balance;
    },
    addEntries: async () => {},
    balancesAfter: async () => new Map(),
  };
  const tx = memoryTransaction();
  return createChargePoints({
    transactor: { transaction: (work) => work(tx) },
    accounts,
    outbox: { append: async () => {} },
    now: () => new Date(0),
  });
}

let last = 0;
function request(amount: number, key: string): ChargeRequest {
  const requestId = `request-${++last}`;
  const claim = { userId: 7, scope: 'POST /points/charge', key, requestHash: `hash of ${amount}`, requestId };
  return { userId: 7, amount, requestId, claim };
}

async function told(charge: ReturnType<typeof chargesOn>, requests: readonly ChargeRequest[]) {
  const results = await charge(requests);
  return results.map((it) => (it.ok ? it.value.balance : (it.error as { code: string }).code));
}

it('when the first request of a key is refused, then another body with that key is decided on its own merits', async () => {
  const charge = chargesOn(BALANCE_LIMIT - 5);
  const requests = [request(6, 'k'), request(5, 'k'), request(6, 'k'), request(5, 'k'), request(4, 'k')];
  expect(await told(charge, requests)).toEqual([
    'BALANCE_LIMIT_EXCEEDED',
    BALANCE_LIMIT,
    'BALANCE_LIMIT_EXCEEDED',
    BALANCE_LIMIT,
    'IDEMPOTENCY_KEY_REUSED',
  ]);
});

it('when every body of a key is refused, then each is told so and the key is free', async () => {
  const charge = chargesOn(BALANCE_LIMIT - 5);
  expect(await told(charge, [request(6, 'k'), request(7, 'k'), request(8, 'k')])).toEqual(
    Array(3).fill('BALANCE_LIMIT_EXCEEDED'),
  );
  expect(await told(charge, [request(5, 'k')])).toEqual([BALANCE_LIMIT]);
});

it('when a charge waits for an account, then its time is that of the lock, so the holder before it is earlier', async () => {
  let time = 1_000;
  const published: NewEvent[] = [];
  const written: Date[] = [];
  const charge = createChargePoints({
    transactor: { transaction: (work) => work(memoryTransaction()) },
    accounts: {
      async openAccounts(_tx, userIds) {
        time = 2_000;
        return new Map(userIds.map((userId) => [userId, 0]));
      },
      setBalances: async () => {},
      addEntries: async (_tx, _entries, at) => void written.push(at),
      balancesAfter: async () => new Map(),
    },
    outbox: { append: async (_tx, events) => void published.push(...events) },
    now: () => new Date(time),
  });
  await charge([request(6, 'k')]);
  expect(published.map(({ data }) => data)).toEqual([expect.objectContaining({ chargedAt: 2_000 })]);
  expect(written).toEqual([new Date(2_000)]);
});
