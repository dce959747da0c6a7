import { expect, it } from '@jest/globals';
import type { Database, Transaction } from '@shop/chassis';
import type { DeadLetterEntry } from './messaging-store.ts';
import { createSqlDeadLetters } from './sql-dead-letters.ts';

const letter = (offset: number): DeadLetterEntry => {
  const place = { topic: 't', partition: 0, offset: String(offset), key: null, value: null, headers: {}, timestamp: 0 };
  const rest = { eventId: null, eventType: null, error: null, attempts: 1 };
  return { record: place, status: 'DEAD', reason: 'UNDECODABLE', ...rest };
};

/** Writes letters 1, 2 and 3 where the server inserts `inserted` of them. Gives the new ones and what was asked. */
async function write(inserted: readonly number[]) {
  const asked: unknown[][] = [];
  const tx = {
    execute: async (sql: string) =>
      sql.startsWith('INSERT') ? { affectedRows: inserted.length, insertId: 10 } : { affectedRows: 0, insertId: 0 },
    async query(_sql: string, params: unknown[]) {
      asked.push(params);
      return inserted.map((position) => ({ topic: 't', part: 0, position }));
    },
  } as unknown as Transaction;
  const store = createSqlDeadLetters({} as Database);
  const fresh = await store.writeDeadLetters(tx, 'g', [1, 2, 3].map(letter), new Date(0), false);
  return { fresh: fresh.map(({ record }) => record.offset), asked };
}

it('when all letters or none are new, then that is known from their insertion, without another statement', async () => {
  expect(await write([1, 2, 3])).toEqual({ fresh: ['1', '2', '3'], asked: [] });
  expect(await write([])).toEqual({ fresh: [], asked: [] });
});

it('when some letters are new, then they are told by the numbers of their insertion', async () => {
  expect(await write([3])).toEqual({ fresh: ['3'], asked: [[10, 10, 3, 'g']] });
});
