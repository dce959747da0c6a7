import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeEach, expect, it } from '@jest/globals';
import type { SqlExecutor, SqlValue } from '@shop/chassis';
import { catalogPublished } from './published-rows.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SINCE = new Date('2026-01-31T12:00:00.000Z');

/** The statements are plain enough for any SQL. */
const tables = new DatabaseSync(':memory:');
tables.exec(`
  CREATE TABLE reservations (order_id TEXT PRIMARY KEY, user_id INT, coupon_id TEXT, status TEXT, reason TEXT,
    total_amount INT, waited INT, created_at TEXT, updated_at TEXT);
  CREATE TABLE reservation_lines (order_id TEXT, product_id INT, name TEXT, unit_price INT, quantity INT);`);
afterAll(() => tables.close());
beforeEach(() => tables.exec('DELETE FROM reservations'));

const sql = {
  query: async (text: string, params: readonly SqlValue[] = []) =>
    tables
      .prepare(text)
      .all(...params.map((it) => (it instanceof Date ? it.toISOString() : (it as string | number))))
      .map((row) => ('created_at' in row ? { ...row, created_at: new Date(String(row.created_at)) } : row)),
} as unknown as Pick<SqlExecutor, 'query'>;

/** An order of which the catalog heard and which it changed last at these times, ms after those that are asked for. */
function reservation(status: string, waited: number, createdMs: number, updatedMs: number): void {
  const [created = '', updated = ''] = [createdMs, updatedMs].map((ms) => new Date(SINCE.getTime() + ms).toISOString());
  tables
    .prepare('INSERT INTO reservations VALUES (?, 7, NULL, ?, ?, 100, ?, ?, ?)')
    .run('o', status, 'OUT_OF_STOCK', waited, created, updated);
}

/** The types of the events that are told of the rows. */
async function told(): Promise<string[]> {
  const types: string[] = [];
  for await (const page of catalogPublished[0]?.read(sql, SINCE) ?? [])
    types.push(...page.map(({ event }) => event.type));
  return types;
}

it('when an order came in the time that is asked for, then all that was said of it is told', async () => {
  reservation('ACTIVE', 1, 0, 5);
  expect(await told()).toEqual(['stock-awaited', 'stock-reserved']);
});

it.each([
  ['ACTIVE', 'stock-reserved'],
  ['SOLD', 'stock-reserved'],
  ['REJECTED', 'stock-rejected'],
])(
  'when an order waited for longer than a minute, then its stock-reserved or stock-rejected is told from the row: %s',
  async (status, type) => {
    reservation(status, 1, -3 * MINUTE_MS, 1_000);
    expect(await told()).toEqual([type]);
  },
);

it.each([
  ['it waits still', 'WAITING', 1, -3 * MINUTE_MS, -3 * MINUTE_MS],
  ['it got its pieces at once', 'SOLD', 0, -3 * MINUTE_MS, 1_000],
  ['it got its pieces before', 'ACTIVE', 1, -5 * MINUTE_MS, -3 * MINUTE_MS],
  ['it gave them back, which says nothing of when it got them', 'RELEASED', 1, -3 * HOUR_MS, 1_000],
  ['the inboxes may have forgotten it', 'SOLD', 1, -13 * HOUR_MS, 1_000],
])('when an order came earlier and %s, then nothing is told of it', async (_, status, waited, created, updated) => {
  reservation(status, waited, created, updated);
  expect(await told()).toEqual([]);
});
