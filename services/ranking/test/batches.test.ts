import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { lazyPrisma } from '@shop/chassis/prisma';
import { eventually, migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import { v7 as uuidv7 } from 'uuid';
import { createSalesReads } from '../src/db/sales-reads.ts';
import { sqlSalesStore } from '../src/db/sales-store.ts';
import { createCalendar } from '../src/domain/business-day.ts';
import type { SalesEvent } from '../src/domain/sales.ts';
import { applySales, createApplySales } from '../src/usecases/apply-sales.ts';
import type { ChangedDay } from '../src/usecases/ports.ts';
import { cancelled, changed, completed, orderAt } from './examples.ts';

let schema: TestDatabase;
let written: [generation: number, changed: readonly ChangedDay[]][] = [];
const now = () => new Date();
const dependencies = { store: sqlSalesStore, calendar: createCalendar('Asia/Seoul'), now };
const claim: Parameters<typeof createApplySales>[0]['claim'] = async (_, __, ids) => new Set(ids);
const handle = createApplySales({ ...dependencies, claim, written: (...it) => void written.push(it) });
const heard = (events: readonly SalesEvent[]) => events.map((event) => ({ ...event, id: uuidv7() }));
// The last and the first millisecond of days in Seoul.
const [late, early] = [Date.parse('2026-03-01T14:59:59.999Z'), Date.parse('2026-03-01T15:00:00.000Z')];

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
});
afterAll(() => schema.drop());
beforeEach(async () => {
  for (const table of ['daily_product_sales', 'products', 'ranking_state'])
    await schema.database.execute(`DELETE FROM ${table}`);
  written = [];
});

/** Handles a batch in one transaction. @returns its statements */
async function batch(...events: SalesEvent[]): Promise<string[]> {
  const statements: string[] = [];
  await schema.database.transaction((tx) => {
    statements.length = 0;
    return handle(noting(tx, statements), heard(events));
  });
  return statements;
}

const rows = (generation = 1) =>
  schema.database.query<object>(
    `SELECT DATE_FORMAT(business_day, '%m-%d') AS day, product_id AS id, quantity, version
       FROM daily_product_sales WHERE generation = ? ORDER BY business_day, product_id`,
    [generation],
  );
const names = () =>
  schema.database.query<object>('SELECT product_id AS id, name, price, version FROM products ORDER BY product_id');

describe('a batch', () => {
  it('when a batch has sales and returns, then days in Seoul change, and the totals are told once committed', async () => {
    const back = orderAt(late, [1, 2]);
    await batch(completed(back), completed(orderAt(late, [1, 3])), completed(orderAt(early, [1, 4], [2, 1])));
    await batch(cancelled(back), completed(orderAt(early, [1, 1])));
    await batch(cancelled(orderAt(late, [1, 9])));
    expect(await rows()).toEqual([
      { day: '03-01', id: 1, quantity: -6, version: 3 },
      { day: '03-02', id: 1, quantity: 5, version: 2 },
      { day: '03-02', id: 2, quantity: 1, version: 1 },
    ]);
    expect(written[1]).toEqual([
      1,
      [
        { day: '2026-03-01', totals: [{ productId: 1, quantity: 3, version: 2 }] },
        { day: '2026-03-02', totals: [{ productId: 1, quantity: 5, version: 2 }] },
      ],
    ]);
    expect(written).toHaveLength(3);
  });

  it('when a batch has a thousand orders, then it takes five statements', async () => {
    await batch(completed(orderAt(late, [1, 1])));
    const orders = Array.from({ length: 1_000 }, (_, n) => orderAt(n % 2 ? late : early, [1 + (n % 100), 1]));
    const statements = await batch(...orders.map((it) => completed(it)));
    expect(statements.map((it) => it.trim().split(/\s/)[0])).toEqual([
      'SELECT',
      'INSERT',
      'SELECT',
      'SELECT',
      'INSERT',
    ]);
    // Rows of known products are left alone.
    expect(await batch(...orders.map((it) => cancelled(it)))).toHaveLength(3);
  });

  it('when batches run beside each other, then their sums add up', async () => {
    const orders = Array.from({ length: 160 }, (_, n) =>
      orderAt(n % 3 ? late : early, [1 + (n % 5), 1], [7 - (n % 2), 2]),
    );
    const batches = Array.from({ length: 8 }, (_, n) => orders.slice(n * 20, n * 20 + 20));
    await Promise.all(batches.map((each) => batch(...each.map((it) => completed(it)))));
    const [sum] = await schema.database.query<{ pieces: number }>(
      'SELECT SUM(quantity) AS pieces FROM daily_product_sales',
    );
    expect(sum?.pieces).toBe(160 * 3);
  });

  it('when a batch fails, then no totals are told', async () => {
    const failing = schema.database.transaction(async (tx) => {
      await handle(tx, heard([completed(orderAt(late, [1, 1]))]));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(written).toEqual([]);
    expect(await rows()).toEqual([]);
  });
});

describe('names', () => {
  it('when names come with versions, then the highest counts, and lines only where there is nothing better', async () => {
    const line = (name: string) => completed(orderAt(late, [1, 1], [2, 1]), name, 7);
    await batch(line('line'), changed(2, 4, 'four', 40));
    await batch(changed(2, 3, 'three', 30), line('other line'));
    expect(await names()).toEqual([
      { id: 1, name: 'line', price: 7, version: 0 },
      { id: 2, name: 'four', price: 40, version: 4 },
    ]);
    await batch(changed(1, 1, 'one', 10), changed(2, 5, 'five', 50));
    expect(await names()).toEqual([
      { id: 1, name: 'one', price: 10, version: 1 },
      { id: 2, name: 'five', price: 50, version: 5 },
    ]);
  });
});

describe('generations', () => {
  it('when there are two generations, then a batch goes to the live one, and reads are of it', async () => {
    await batch(completed(orderAt(early, [1, 1])));
    await schema.database.transaction((tx) =>
      applySales(dependencies, tx, 2, [completed(orderAt(early, [1, 5], [2, 5]))]),
    );
    const prisma = lazyPrisma(schema.database, () => import('../src/db/generated/client.ts'));
    const reads = createSalesReads(schema.database, prisma);
    expect(await reads.dayTable('2026-03-02')).toEqual({
      generation: 1,
      totals: [{ productId: 1, quantity: 1, version: 1 }],
    });
    await schema.database.execute('UPDATE ranking_state SET live_generation = 2');
    await batch(completed(orderAt(early, [1, 1])));
    expect(await rows(1)).toEqual([{ day: '03-02', id: 1, quantity: 1, version: 1 }]);
    expect(await reads.top(['2026-03-02', '2026-03-01'], 10)).toEqual([
      { productId: 1, quantity: 6 },
      { productId: 2, quantity: 5 },
    ]);
    await prisma.close();
  });

  it('when a swap begins, then it waits for the current batch', async () => {
    await batch();
    const order: string[] = [];
    let swap: Promise<unknown> | undefined;
    await schema.database.transaction(async (tx) => {
      await handle(tx, heard([completed(orderAt(late, [1, 1]))]));
      swap = schema.database
        .transaction((other) => other.query('SELECT live_generation FROM ranking_state FOR UPDATE'))
        .then(() => order.push('swap'));
      // The swap waits once the server lists it so. InnoDB caches the list for 100 ms after each look: a more frequent
      // reader sees the first one for ever.
      const waits = async () => {
        const [row] = await schema.database.query<{ n: number }>(
          `SELECT COUNT(*) AS n FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`,
        );
        return (row?.n ?? 0) > 0;
      };
      await eventually(waits, { everyMs: 150 });
      order.push('batch');
    });
    await swap;
    expect(order).toEqual(['batch', 'swap']);
  });
});
