import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import { readBalances } from '../src/db/point-reads.ts';

let schema: TestDatabase;
beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());

it('when many balances are read, then one statement reads all, and each user gets their own', async () => {
  const { database } = schema;
  await database.execute(
    'INSERT INTO accounts (user_id, balance, created_at, updated_at) VALUES (1, 10, NOW(3), NOW(3)), (2, 20, NOW(3), NOW(3))',
  );
  let statements = 0;
  const counting: Pick<typeof database, 'query' | 'execute'> = {
    execute: database.execute,
    query: (sql, params) => {
      statements++;
      return database.query(sql, params);
    },
  };
  expect(await readBalances(counting, [2, 1, 3, 2])).toEqual([20, 10, 0, 20]);
  expect(statements).toBe(1);
});
