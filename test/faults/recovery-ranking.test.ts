import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus, type OrderAnswer } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { type Backup, backUp, restore } from '../support/backup.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
import { eventually, LOOK_AT_LOCKS } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import { earlier } from '../support/recovery.ts';
import { connectRedis, connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** Orders after the backup. */
const ORDERS = drillSize(2_000);

let system: System;
let api: System['api'];
let users: number[];
/** Bought only until the first restore, and all the time. */
let [early, always]: number[] = [];

beforeAll(async () => {
  system = await startSystem({ env: PATIENT });
  api = system.api;
  users = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1_000_000)));
  [early, always] = await Promise.all([api.newProduct(100, 100_000), api.newProduct(100, 100_000)]);
}, 120_000);

afterAll(() => system?.stop(), 60_000);

describe('the schema of ranking', () => {
  let from: Date;
  let backup: Backup;

  beforeAll(async () => {
    await work(30, early);
    await untilIdle(system);
    from = new Date();
    await work(20, early);
    await untilIdle(system);
    [backup] = await Promise.all([backUp(system.stack, 'shop_ranking'), work(40, early)]);
    await work(ORDERS, early);
    expectStatus(await api.request('PATCH', `/products/${early}`, { body: { name: 'renamed', price: 90 } }), 200);
    await untilIdle(system);
  }, 300_000);

  it('when it is restored from a backup and recovered while orders go on, then its totals are what they were', async () => {
    const before = await readRanking(early);
    await system.process('ranking').stop();
    await restore(system.stack, backup);
    expect(await readRanking(early)).not.toEqual(before);
    const going = work(100, always);
    const plan = await expectOps(system.stack, ['replay', '--recover', 'ranking', '--from', from.toISOString()]);
    expect(plan.stdout).toMatch(/order-completed +[1-9]\d+ +[1-9]\d+/);
    await system.start('ranking', 1, recovery());
    expect(await readRanking(early)).toEqual(before);
    const [run] = await rows<{ applied: number; seconds: number }>(
      `SELECT applied, TIMESTAMPDIFF(MICROSECOND, started_at, finished_at) / 1000000 AS seconds
         FROM shop_ranking.replay WHERE kind = 'RECOVERY'`,
    );
    noteFigure('ranking restored', `${run?.applied} events, s`, run?.seconds ?? 0);
    await going;
    await expectCleanAudit(system);
    expect(await readRanking(early)).toEqual(before);
  });

  it('when the recovery is killed and begun again, and run once more, then every event counts once', async () => {
    const before = await readRanking(early);
    await system.process('ranking').stop();
    await restore(system.stack, backup);
    const sql = await connectRoot(system.stack);
    try {
      await sql.execute('START TRANSACTION');
      await sql.query('SELECT 1 FROM shop_ranking.daily_product_sales FOR UPDATE');
      const starting = system.start('ranking', 1, recovery()).catch(() => undefined);
      await eventually(
        'a recovery that waits',
        async () => {
          const [running] = await rows(`SELECT 1 FROM shop_ranking.replay WHERE status = 'RUNNING'`);
          return (
            running &&
            (await rows(`SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`)).length > 0
          );
        },
        LOOK_AT_LOCKS,
      );
      await system.process('ranking').kill9();
      await starting;
      await sql.execute('ROLLBACK');
    } finally {
      await sql.close();
    }
    await system.start('ranking', 1, recovery());
    expect(await readRanking(early)).toEqual(before);
    await system.process('ranking').stop();
    await system.start('ranking', 1, { ...recovery(), RECOVERY_FROM: earlier(from).toISOString() });
    expect(await readRanking(early)).toEqual(before);
    await expectCleanAudit(system);
  });

  it('when nothing is left of it and of Redis, then a rebuild counts everything anew while orders go on', async () => {
    const before = await readRanking(early);
    await system.process('ranking').stop();
    await restore(system.stack, { ...backup, tables: new Map([...backup.tables.keys()].map((table) => [table, []])) });
    const redis = connectRedis(system.stack);
    await redis.flushall().finally(() => redis.disconnect());
    await system.start('ranking');
    const going = work(100, always);
    await expectOps(system.stack, ['replay', '--group', 'ranking', '--rebuild', '--reason', 'lost', '--execute']);
    await going;
    await untilIdle(system);
    await expectOps(system.stack, ['reconcile', '--only', 'ranking', '--execute']);
    await expectCleanAudit(system);
    expect(await readRanking(early)).toEqual(before);
  });

  const recovery = () => ({ RECOVERY: 'on', RECOVERY_FROM: from.toISOString() });
});

/** Orders of a product; every fifth is cancelled once it has completed. */
async function work(orders: number, productId: number | undefined): Promise<void> {
  await inTurns(Array.from({ length: orders }), async (_, i) => {
    const userId = users[i % users.length] as number;
    const answer = await api.placeOrder<OrderAnswer>(userId, [[productId as number, 1 + (i % 3)]]);
    const { orderId } = expectStatus(answer, 202).body;
    if (i % 5 === 0 && (await api.settled(orderId, userId)).status === 'COMPLETED')
      expectStatus(await api.cancel(orderId, userId), 202);
  });
}

/** What ranking counts of a product, and its name; versions count the batches. */
async function readRanking(productId: number | undefined) {
  return {
    totals: await rows(
      `SELECT business_day, quantity FROM shop_ranking.daily_product_sales s
         JOIN shop_ranking.ranking_state r ON r.live_generation = s.generation
        WHERE product_id = ${productId} ORDER BY business_day`,
    ),
    names: await rows(`SELECT name, price, version FROM shop_ranking.products WHERE product_id = ${productId}`),
  };
}

async function rows<Row>(query: string): Promise<Row[]> {
  const sql = await connectRoot(system.stack);
  try {
    return [...(await sql.query<Row>(query))];
  } finally {
    await sql.close();
  }
}
