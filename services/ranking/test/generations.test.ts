import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger } from '@shop/chassis';
import { eventually, migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import {
  createSqlMessagingStore,
  type IncomingRecord,
  type KafkaAdmin,
  REPUBLISHED,
  type RebuildWork,
  type ReceivedEvent,
} from '@shop/events';
import { sqlRebuildStore } from '../src/db/rebuild-store.ts';
import { sqlSalesStore } from '../src/db/sales-store.ts';
import { createCalendar } from '../src/domain/business-day.ts';
import type { SalesEvent } from '../src/domain/sales.ts';
import { createApplySales, type HeardSale } from '../src/usecases/apply-sales.ts';
import { createRebuild } from '../src/usecases/rebuild.ts';
import { cancelled, completed, orderAt } from './examples.ts';

let schema: TestDatabase;
let store: ReturnType<typeof createSqlMessagingStore>;
let handle: ReturnType<typeof createApplySales>;
let rebuild: ReturnType<typeof createRebuild>;
/** The time since which the topic holds everything. */
let held: Date | undefined;
/** What the topic holds. */
let records: readonly IncomingRecord[];

const now = () => new Date();
const calendar = createCalendar('Asia/Seoul');
const [monday, tuesday, wednesday] = ['2026-03-02', '2026-03-03', '2026-03-04'].map((day) =>
  Date.parse(`${day}T12:00:00+09:00`),
) as [number, number, number];
const log = {
  heldSince: async () => held,
  committed: async () => [],
  ranges: async () => [],
  readRuns: (_: unknown, each: (records: readonly IncomingRecord[]) => Promise<void>) => each(records),
} as unknown as KafkaAdmin;
const codec = {
  async decode(message: Buffer) {
    return JSON.parse(`${message}`);
  },
};
const tools = { log, codec, mayGoOn: async () => {} };

/** The record of an event, as far as a rebuild that begins looks at it. */
function recordOf({ type, data }: SalesEvent, more: Record<string, string> = {}): IncomingRecord {
  const position = { topic: 'order-events', partition: 0, offset: '0', key: null, timestamp: 0 };
  return { ...position, value: Buffer.from(JSON.stringify({ type, data })), headers: { ce_type: type, ...more } };
}

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
  const { database } = schema;
  store = createSqlMessagingStore(database);
  const { claim } = store;
  handle = createApplySales({ store: sqlSalesStore, calendar, now, claim, written: () => {} });
  rebuild = createRebuild({
    ...{ database, store: sqlRebuildStore, sales: sqlSalesStore, calendar, now },
    repair: async () => ({ days: 7, differences: [], repaired: 0 }),
    logger: createLogger({ service: 'test', level: 'silent' }),
    letGo: () => {},
  });
});
afterAll(() => schema.drop());
beforeEach(async () => {
  held = undefined;
  records = [recordOf(completed(orderAt(monday, [1, 1])))];
  const tables = ['daily_product_sales', 'products', 'ranking_state', 'ranking_rebuild', 'processed_event'];
  for (const table of [...tables, 'replay', 'dead_letter']) await schema.database.execute(`DELETE FROM ${table}`);
});

const id = (event: SalesEvent) =>
  `${event.type}`.slice(6, 10) + ('orderId' in event.data ? event.data.orderId.slice(4) : '');
const heard = (events: readonly SalesEvent[]) => events.map((event) => ({ ...event, id: id(event) }));

/** Applies one batch of an inbox, like its consumer. */
async function batch(inbox: string, how: typeof handle, events: readonly SalesEvent[]): Promise<void> {
  const all = heard(events);
  await schema.database.transaction(async (tx) => {
    const fresh = await store.claim(tx, inbox, all.map((it) => it.id).sort(), now());
    if (fresh.size > 0)
      await how(
        tx,
        all.filter((it) => fresh.has(it.id)),
      );
  });
}
const live = (...events: SalesEvent[]) => batch('ranking', handle, events);
/** Handles records that were read, like the replayer. */
async function read({ subscription, takes }: RebuildWork, ...events: SalesEvent[]): Promise<void> {
  const apply = subscription.handle as unknown as (tx: unknown, events: readonly HeardSale[]) => Promise<void>;
  await batch(
    subscription.group,
    apply,
    events.filter((event) => takes(event as ReceivedEvent)),
  );
}

async function ask(): Promise<number> {
  const { insertId } = await schema.database.execute(
    `INSERT INTO replay (kind, consumer_group, status, requested_by, reason, filters, ranges, plan, progress, rate, max_lag, requested_at, updated_at)
     VALUES ('REBUILD', 'ranking', 'RUNNING', 'test', 'test', '{}', '[]', '{}', '{}', 1, 1, NOW(3), NOW(3))`,
  );
  return insertId;
}
const setStatus = (replay: number, status: string) =>
  schema.database.execute('UPDATE replay SET status = ? WHERE id = ?', [status, replay]);

/** Generation → day/product=pieces. */
async function totals(): Promise<Record<number, string[]>> {
  const rows = await schema.database.query<{ generation: number; total: string }>(
    `SELECT generation, CONCAT(DATE_FORMAT(business_day, '%d'), '/', product_id, '=', quantity) AS total
       FROM daily_product_sales ORDER BY generation, business_day, product_id`,
  );
  return Object.fromEntries(
    [...Map.groupBy(rows, (row) => row.generation)].map(([generation, of]) => [generation, of.map((it) => it.total)]),
  );
}
const inboxes = () =>
  schema.database.query(
    'SELECT consumer_group AS inbox, COUNT(*) AS ids FROM processed_event GROUP BY consumer_group ORDER BY inbox',
  );
const state = async () =>
  (await schema.database.query('SELECT live_generation AS live, next_generation AS next FROM ranking_state'))[0];

describe('a rebuild', () => {
  it('when both generations reach an event, then it counts once, whoever is first, before and after the swap', async () => {
    const [a, b, c, d] = [1, 2, 4, 8].map((pieces) => completed(orderAt(monday, [1, pieces]))) as [
      SalesEvent,
      SalesEvent,
      SalesEvent,
      SalesEvent,
    ];
    await live(a);
    const work = await rebuild.begin(await ask(), tools);
    await live(b);
    await read(work, a, b, c, d);
    await live(c);
    expect(await totals()).toEqual({ 1: ['02/1=7'], 2: ['02/1=15'] });
    await work.end();
    expect(await state()).toEqual({ live: 2, next: 2 });
    // The live group is behind the rebuild: d is still in its topic, and e comes.
    await live(d, completed(orderAt(monday, [1, 16])));
    expect((await totals())[2]).toEqual(['02/1=31']);
    await rebuild.settle();
    expect(await state()).toEqual({ live: 2, next: null });
    expect(await totals()).toEqual({ 2: ['02/1=31'] });
    expect(await inboxes()).toEqual([{ inbox: 'ranking', ids: 5 }]);
  });

  it('when the live group is behind at the swap, then the inbox is merged, so that it drops those events', async () => {
    const order = completed(orderAt(monday, [1, 1]));
    const work = await rebuild.begin(await ask(), tools);
    await read(work, order);
    await work.end();
    await rebuild.settle();
    await live(order);
    expect(await totals()).toEqual({ 2: ['02/1=1'] });
  });

  it('when the topic lacks a part of some days, then these are copied, including their changes meanwhile', async () => {
    const [old, late] = [orderAt(monday, [1, 1]), orderAt(monday, [1, 2])];
    await live(completed(old), completed(orderAt(tuesday, [1, 4])));
    held = new Date(tuesday);
    const order = await ask();
    // Dies when the first day is copied.
    let steps = 0;
    const mayGoOn = async () => {
      if (++steps === 2) throw new Error('killed');
    };
    await expect(rebuild.begin(order, { ...tools, mayGoOn })).rejects.toThrow('killed');
    await live(cancelled(old), completed(orderAt(tuesday, [2, 8])));
    const work = await rebuild.begin(order, tools);
    const recounted = completed(orderAt(wednesday, [1, 32]));
    await read(work, completed(old), completed(late), recounted);
    // The live group reaches the event after the rebuild has seen it, so it is left to the live group.
    await live(completed(late), recounted);
    await work.end();
    await rebuild.settle();
    await live(completed(orderAt(monday, [1, 64])));
    expect(await totals()).toEqual({ 2: ['02/1=66', '03/1=4', '03/2=8', '04/1=32'] });
    const [row] = await schema.database.query<{ comparison: string }>('SELECT comparison FROM ranking_rebuild');
    expect(JSON.parse(row?.comparison ?? '')).toMatchObject({
      differing: 0,
      firstDay: '2026-03-04',
      rebuilt: { pieces: 46 },
    });
  });

  it('when the topic was made anew, then the days before its first sale stay, and that day too', async () => {
    await live(completed(orderAt(monday, [1, 1])), completed(orderAt(tuesday, [1, 2])));
    const since = [completed(orderAt(tuesday, [1, 4])), completed(orderAt(wednesday, [1, 8]))];
    await live(...since);
    // Its company of another day, a cancellation, says nothing of how far the topic reaches back.
    records = [cancelled(orderAt(monday, [1, 0])), ...since].map((event) => recordOf(event));
    const work = await rebuild.begin(await ask(), tools);
    await read(work, ...since);
    await work.end();
    expect((await totals())[2]).toEqual(['02/1=1', '03/1=6', '04/1=8']);
  });

  it('when the topic was made anew and holds no sale, then every day stays', async () => {
    await live(completed(orderAt(monday, [1, 1])), completed(orderAt(wednesday, [1, 2])));
    records = [];
    const work = await rebuild.begin(await ask(), tools);
    await work.end();
    expect((await totals())[2]).toEqual(['02/1=1', '04/1=2']);
  });

  it('when the topic was filled again, then the days since the rows were looked through are recounted', async () => {
    await live(completed(orderAt(monday, [1, 1])), completed(orderAt(tuesday, [1, 2])));
    const since = [completed(orderAt(tuesday, [1, 2])), completed(orderAt(wednesday, [1, 8]))];
    records = since.map((event) =>
      recordOf(event, { [REPUBLISHED]: new Date(tuesday - 12 * 3_600_000).toISOString() }),
    );
    const work = await rebuild.begin(await ask(), tools);
    await read(work, ...since);
    await work.end();
    expect((await totals())[2]).toEqual(['02/1=1', '03/1=2', '04/1=8']);
  });

  it('when a rebuild begins, then it waits for current batches, so that its end of the topic is behind theirs', async () => {
    const order: string[] = [];
    const replay = await ask();
    // The row of ranking_state exists, so the batch need not write it.
    await live(completed(orderAt(monday, [1, 1])));
    let begun: Promise<unknown> | undefined;
    await schema.database.transaction(async (tx) => {
      await handle(tx, heard([completed(orderAt(monday, [1, 1]))]));
      begun = rebuild.begin(replay, tools).then(() => order.push('begun'));
      // The rebuild waits once the server lists it so; InnoDB caches the list for 100 ms after each look.
      const waits = async () =>
        (await schema.database.query(`SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`))
          .length > 0;
      await eventually(waits, { everyMs: 150 });
      order.push('batch');
    });
    await begun;
    expect(order).toEqual(['batch', 'begun']);
  });

  it('when a rebuild ends, then it tells how the generations differed', async () => {
    const order = completed(orderAt(monday, [1, 1], [2, 2]));
    await live(order);
    await schema.database.execute('UPDATE daily_product_sales SET quantity = 5 WHERE product_id = 2');
    const work = await rebuild.begin(await ask(), tools);
    await read(work, order);
    await work.end();
    const [row] = await schema.database.query<{ comparison: string }>('SELECT comparison FROM ranking_rebuild');
    expect(JSON.parse(row?.comparison ?? '')).toMatchObject({
      live: { generation: 1, totals: 2, pieces: 6 },
      rebuilt: { generation: 2, totals: 2, pieces: 3 },
      ...{ differing: 1, examples: [{ day: '2026-03-02', productId: 2, live: 5, rebuilt: 2 }] },
    });
  });
});

describe('a rebuild that does not finish', () => {
  it('when a rebuild is cancelled, then it goes no further, and its leftovers are removed', async () => {
    const [a, b] = [completed(orderAt(monday, [1, 1])), completed(orderAt(monday, [1, 2]))];
    await live(a);
    const order = await ask();
    const work = await rebuild.begin(order, tools);
    await read(work, a);
    await rebuild.settle();
    expect(await state()).toEqual({ live: 1, next: 2 });
    await setStatus(order, 'CANCELLED');
    await expect(work.end()).rejects.toThrow('was cancelled');
    await rebuild.settle();
    await expect(read(work, b)).rejects.toThrow('not being rebuilt any more');
    expect([await state(), await totals()]).toEqual([{ live: 1, next: null }, { 1: ['02/1=1'] }]);
    expect(await inboxes()).toEqual([{ inbox: 'ranking', ids: 1 }]);
    // Its number is not used again.
    await rebuild.begin(await ask(), tools);
    expect(await state()).toEqual({ live: 1, next: 3 });
  });

  it('when another instance still believes it is rebuilding after the swap, then it counts nothing', async () => {
    const [a, b] = [completed(orderAt(monday, [1, 1])), completed(orderAt(monday, [1, 2]))];
    const order = await ask();
    const [slow, fast] = [await rebuild.begin(order, tools), await rebuild.begin(order, tools)];
    await read(fast, a);
    await fast.end();
    await expect(read(slow, b)).rejects.toThrow('not being rebuilt any more');
    await rebuild.settle();
    await expect(read(slow, b)).rejects.toThrow('not being rebuilt any more');
    await expect(slow.end()).rejects.toThrow();
    expect(await totals()).toEqual({ 2: ['02/1=1'] });
  });

  it('when a rebuild set aside an event that the live group has applied, then it fails; else the letter becomes the group’s', async () => {
    const order = completed(orderAt(monday, [1, 1]));
    await live(order);
    const work = await rebuild.begin(await ask(), tools);
    await schema.database.execute(
      `INSERT INTO dead_letter (consumer_group, topic, \`partition\`, \`offset\`, status, event_id, reason, error, attempts, headers, failed_at)
       VALUES ('ranking@2', 'order-events', 0, 7, 'DEAD', ?, 'HANDLER_ERROR', 'no', 3, '{}', NOW(3)),
              ('ranking', 'order-events', 0, 7, 'REDRIVEN', 'of a former log', 'HANDLER_ERROR', 'no', 3, '{}', NOW(3))`,
      [id(order)],
    );
    await expect(work.end()).rejects.toThrow('order-events/0 at 7: no');
    expect(await state()).toEqual({ live: 1, next: 2 });
    await schema.database.execute('DELETE FROM processed_event');
    await work.end();
    const kept = 'SELECT consumer_group AS inbox, `partition` AS part, event_id AS id FROM dead_letter ORDER BY id';
    expect(await schema.database.query(kept)).toEqual([
      { inbox: 'ranking', part: 0, id: id(order) },
      { inbox: 'ranking', part: -2, id: 'of a former log' },
    ]);
  });

  it('when the topic has lost a part of what is to be recounted, then the rebuild fails', async () => {
    const work = await rebuild.begin(await ask(), tools);
    held = new Date(monday);
    await expect(work.end()).rejects.toThrow('meanwhile the topics have lost');
    expect(await state()).toEqual({ live: 1, next: 2 });
  });
});
