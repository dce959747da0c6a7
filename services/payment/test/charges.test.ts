import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createBatcher, requestHash } from '@shop/chassis';
import { migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import type { NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import * as accounts from '../src/db/account-store.ts';
import { BALANCE_LIMIT } from '../src/domain/charge.ts';
import { type Charged, type ChargeRequest, createChargePoints } from '../src/usecases/charge-points.ts';

let schema: TestDatabase;
let run: ReturnType<typeof createChargePoints>;
let transactions = 0;
const published: NewEvent[] = [];
const outbox = { append: async (_tx: unknown, events: readonly NewEvent[]) => void published.push(...events) };

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
  const { database } = schema;
  const transactor: Parameters<typeof createChargePoints>[0]['transactor'] = {
    transaction: (work) => {
      transactions += 1;
      return database.transaction(work);
    },
  };
  run = createChargePoints({ transactor, accounts, outbox, now: () => new Date() });
});
afterAll(() => schema.drop());
beforeEach(() => {
  published.splice(0);
  transactions = 0;
});

let lastUserId = 0;
const newUser = () => ++lastUserId;

function request(userId: number, amount: number, key?: string): ChargeRequest {
  const requestId = uuidv7();
  const hash = requestHash({ userId, amount });
  const claim = key && { userId, scope: 'POST /points/charge', key, requestHash: hash, requestId };
  return { userId, amount, requestId, ...(claim ? { claim } : {}) };
}

/** The callers' results: a balance or a code. */
async function charge(requests: readonly ChargeRequest[]): Promise<(number | string)[]> {
  const results = await run(requests);
  return results.map((it) => (it.ok ? it.value.balance : (it.error as { code: string }).code));
}

async function balanceOf(userId: number): Promise<number | undefined> {
  const [row] = await schema.database.query<{ balance: number }>('SELECT balance FROM accounts WHERE user_id = ?', [
    userId,
  ]);
  return row?.balance;
}

it('when ten charges of one account come at once, then they add up, in few transactions', async () => {
  const userId = newUser();
  const batcher = createBatcher<ChargeRequest, Charged>({ run });
  const all = await Promise.all(Array.from({ length: 10 }, () => batcher.submit(request(userId, 1_000))));
  expect(all.map((it) => it.balance).sort((a, b) => a - b)).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => n * 1_000),
  );
  expect(await balanceOf(userId)).toBe(10_000);
  expect(transactions).toBeLessThanOrEqual(2);
  expect(published).toHaveLength(10);
});

it('when several instances charge the same new accounts, then each charge counts once', async () => {
  const userIds = [newUser(), newUser(), newUser()];
  const batches = Array.from({ length: 8 }, (_, n) =>
    run((n % 2 === 0 ? userIds : userIds.toReversed()).map((userId) => request(userId, 10))),
  );
  for (const results of await Promise.all(batches)) expect(results.every((it) => it.ok)).toBe(true);
  for (const userId of userIds) expect(await balanceOf(userId)).toBe(80);
});

it('when one charge of a batch is over the limit, then it alone is refused', async () => {
  const [full, other] = [newUser(), newUser()];
  await charge([request(full, 1)]);
  await schema.database.execute('UPDATE accounts SET balance = ? WHERE user_id = ?', [BALANCE_LIMIT - 5, full]);
  const results = await charge([request(full, 6), request(other, 7), request(full, 5), request(full, 1)]);
  expect(results).toEqual(['BALANCE_LIMIT_EXCEEDED', 7, BALANCE_LIMIT, 'BALANCE_LIMIT_EXCEEDED']);
});

it('when a key is repeated, in the same batch or later, then there is one charge and one answer', async () => {
  const userId = newUser();
  const results = await run([request(userId, 100, 'k'), request(userId, 100, 'k'), request(userId, 50)]);
  expect(results).toMatchObject([
    { value: { balance: 100, replayed: false } },
    { value: { balance: 100, replayed: true } },
    { value: { balance: 150 } },
  ]);
  expect(await run([request(userId, 100, 'k')])).toMatchObject([{ value: { balance: 100, replayed: true } }]);
  expect(await balanceOf(userId)).toBe(150);
});

it('when a key comes with another amount, then it is refused and charges nothing', async () => {
  const userId = newUser();
  expect(await charge([request(userId, 100, 'k'), request(userId, 101, 'k')])).toEqual([100, 'IDEMPOTENCY_KEY_REUSED']);
  expect(await charge([request(userId, 102, 'k')])).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  expect(await balanceOf(userId)).toBe(100);
});

it('when a charge with a key was refused, then the key is free again', async () => {
  const userId = newUser();
  await charge([request(userId, 1)]);
  await schema.database.execute('UPDATE accounts SET balance = ? WHERE user_id = ?', [BALANCE_LIMIT, userId]);
  const twice = await charge([request(userId, 10, 'k'), request(userId, 10, 'k')]);
  expect(twice).toEqual(['BALANCE_LIMIT_EXCEEDED', 'BALANCE_LIMIT_EXCEEDED']);
  await schema.database.execute('UPDATE accounts SET balance = 0 WHERE user_id = ?', [userId]);
  expect(await charge([request(userId, 10, 'k')])).toEqual([10]);
});

it('when the event cannot be written, then no charge of the batch has happened', async () => {
  const userId = newUser();
  const broken = createChargePoints({
    transactor: schema.database,
    accounts,
    outbox: { append: () => Promise.reject(new Error('no')) },
    now: () => new Date(),
  });
  await expect(broken([request(userId, 10, 'k')])).rejects.toThrow('no');
  expect(await balanceOf(userId)).toBeUndefined();
  expect(await charge([request(userId, 10, 'k')])).toEqual([10]);
});
