import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createKafkaBroker, silentLogger } from '@shop/events';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { untilDeadLetters } from '../support/dead-letters.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { deleteTopics } from '../support/log.ts';
import { type Placed, placeMany, placeOne } from '../support/many-orders.ts';
import { expectOps, startOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const ORDERS = drillSize(5_000);
/** Orders that the log knew of, and one of its readers did not yet. */
const UNREAD = 20;
const PRICE = 100;
/** Letters of each group whose letters are of the old log. */
const OLD_LETTERS = 600;
/** The key of a message that nobody can read. */
const POISON = randomUUID();

const backup = join(mkdtempSync(join(tmpdir(), 'shop-lost-log-')), 'payment');
let system: System;
let api: System['api'];
let users: number[];
let productId: number;
/** Completed orders. */
const completed: Placed[] = [];

beforeAll(async () => {
  // Orders wait while the log is gone, and must not be cancelled meanwhile.
  system = await startSystem({ env: { ORDER_DEADLINE_MS: '900000' } });
  api = system.api;
  users = await Promise.all(Array.from({ length: 20 }, () => api.newUser(10_000_000)));
  productId = await api.newProduct(PRICE, 1_000_000);
  await ordersOfAllEnds();
  await ops(['backup', '--service', 'payment', '--to', backup]);
  await ordersOfAllEnds();
  await untilIdle(system);
}, 600_000);

afterAll(async () => {
  rmSync(join(backup, '..'), { recursive: true });
  await system?.stop();
}, 60_000);

const ops = (args: readonly string[], code = 0) => expectOps(system.stack, args, code);
const place = (count: number) => placeMany(api, count, { users, productId });
const bringBack = ['republish', '--log', '--execute', '--reason', 'a drill'];

describe('all topics are deleted while orders are on their way', () => {
  let unpaid: Placed[];
  let unreserved: Placed[];
  let unsent: Placed[];
  let refunded: Placed[];

  beforeAll(async () => {
    // Ranking and payment miss these cancellations, payment the reservations, catalog the last orders.
    await Promise.all([system.process('ranking').stop(), system.process('payment').stop()]);
    refunded = completed.slice(0, UNREAD);
    await inTurns(refunded, async ({ orderId, userId }) =>
      expect([200, 202]).toContain((await api.cancel(orderId, userId)).status),
    );
    unpaid = await place(UNREAD);
    await untilCount(
      `SELECT COUNT(*) AS n FROM shop_catalog.reservations WHERE order_id IN (${list(unpaid)})`,
      unpaid.length,
    );
    await untilCount('SELECT COUNT(*) AS n FROM shop_catalog.outbox', 0);
    await system.process('catalog').stop();
    unreserved = await place(UNREAD);
    await untilCount('SELECT COUNT(*) AS n FROM shop_order.outbox', 0);
    // The broker numbers from 0 again: what comes then, comes to these positions, or has not come to them yet.
    for (const group of ['coupon', 'ranking']) await writeOldLetters(group);
    await deleteTopics(system.stack);
    unsent = await place(UNREAD);
  }, 120_000);

  it('when the topics are not there yet, then the command names them and changes nothing', async () => {
    expect((await ops(bringBack, 2)).stderr).toMatch(/order-events.*: no such topic\. First: .* topics --execute/);
    expect((await ops(['status'], 3)).stdout).toContain('order-events: UNKNOWN_TOPIC_OR_PARTITION');
  });

  it('when it is to send a part of a week again, then it refuses: the audit would compare no more than that', async () => {
    expect((await ops([...bringBack, '--from', '2h'], 2)).stderr).toContain('--log --execute takes no --from');
  });

  it('when the topics are made anew, then status says that they lack what groups have applied', async () => {
    await ops(['topics', '--execute']);
    expect((await ops(['status'], 3)).stdout).toContain('npm run ops -- republish --log');
    const { stdout } = await ops(['republish', '--log'], 3);
    expect(stdout).toMatch(new RegExp(`stock-reserved +${unpaid.length} `));
    expect(stdout).toMatch(/the topics lack \d+ events of payment/);
  });

  it('when a message must be set aside where a letter of the old log stands, then both are kept', async () => {
    await publish({ topic: 'order-events', key: POISON, value: Buffer.from('poison'), headers: {} });
    await untilDeadLetters(system, 'coupon', POISON, ['null DEAD']);
    expect(await count(former('coupon'))).toBe(1);
    expect(await count(`SELECT COUNT(*) AS n FROM shop_coupon.dead_letter WHERE resolution = 'old'`)).toBe(OLD_LETTERS);
    expect((await ops(['republish', '--log'], 3)).stderr).toContain(
      `ranking: ${OLD_LETTERS} letters are of a log that is gone: they would leave`,
    );
  });

  it('when the command is killed and repeated, then the log is whole, every order ends, and nothing happens twice', async () => {
    const before = await effects();
    await Promise.all([system.start('payment'), system.start('catalog'), system.start('ranking')]);
    const began = performance.now();
    const dying = startOps(system.stack, bringBack);
    await eventually('some events in an outbox', async () => (await count(MARKED)) > 0, {
      everyMs: 1,
      withinMs: 120_000,
    });
    dying.kill9();
    await dying.ended;
    await ops([...bringBack, '--wait', '300']);
    for (const group of ['coupon', 'ranking']) expect(await count(former(group))).toBe(OLD_LETTERS);
    const broughtMs = performance.now() - began;
    for (const { orderId, userId } of [...unpaid, ...unreserved, ...unsent])
      expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    for (const service of ['catalog', 'coupon', 'order', 'payment', 'ranking']) {
      const [letter] = await untilDeadLetters(system, service, POISON, ['null DEAD']);
      await ops(['dead-letters', 'discard', `${service}/${letter?.id}`, '--reason', 'a drill', '--execute']);
    }
    await expectCleanAudit(system, { withinMs: 300_000 });
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
    noteFigure('lost-log', `republish --log for ${ORDERS} orders, killed once`, seconds(broughtMs));
    noteFigure('lost-log', 'until all orders had ended and the audit was clean', seconds(performance.now() - began));
    // What had ended before is as it was, but for the refunds.
    const paid = `SELECT COUNT(*) AS n FROM shop_payment.payments WHERE status = 'REFUNDED' AND order_id IN (${list(refunded)})`;
    expect(await count(paid)).toBe(refunded.length);
    const after = await effects();
    expect(after.uses - before.uses).toBe(unpaid.length + unreserved.length + unsent.length);
    expect(after.refunds - before.refunds).toBe(refunded.length);
  }, 600_000);

  it('when it is asked again, then nothing is missing, and the sales are counted from the new log as before', async () => {
    expect((await ops(['republish', '--log'])).stdout).toContain('the topics hold all that the rows tell');
    await ops(['status']);
    await ops(['replay', '--group', 'ranking', '--rebuild', '--execute', '--reason', 'is the log whole?']);
    await expectCleanAudit(system);
  }, 120_000);

  it('when order runs without the data platform by now, then its group is left out', async () => {
    expect((await ops(['republish', '--log'])).stdout).toContain('data-platform missed nothing');
    await system.process('order').stop();
    await system.start('order', 1, { DATA_PLATFORM_URL: '' });
    const { stdout, stderr } = await ops(['republish', '--log']);
    expect(stdout).not.toContain('data-platform');
    expect(stderr).toContain('data-platform is left out: it is not in use in order.');
  });

  it('when payment is lost afterwards, then the new log brings a backup from before the loss forward', async () => {
    const before = await effects();
    await system.process('payment').stop();
    const { stdout } = await ops(['restore', '--from', backup, '--service', 'payment', '--execute']);
    expect((await effects()).uses).toBeLessThan(before.uses);
    await system.start('payment', 1, { RECOVERY: 'on', RECOVERY_FROM: /RECOVERY_FROM=(\S+)/.exec(stdout)?.[1] ?? '' });
    await expectCleanAudit(system, { withinMs: 120_000 });
    expect(await effects()).toEqual(before);
  }, 300_000);
});

const MARKED = `SELECT COUNT(*) AS n FROM shop_catalog.outbox WHERE headers LIKE '%ce\\_republished%'`;

/** Writes letters of a group for the first hundred positions of each partition, and for one far beyond. */
const writeOldLetters = (group: string) =>
  withSql(({ execute }) =>
    execute(`INSERT INTO shop_${group}.dead_letter (consumer_group, topic, \`partition\`, \`offset\`, status, event_id, reason, attempts, headers, failed_at, resolution)
   WITH RECURSIVE number AS (SELECT 0 AS n UNION ALL SELECT n + 1 FROM number WHERE n < 99)
   SELECT '${group}', 'order-events', p.n, IF(o.n = 99, 1000000000, o.n), 'DISCARDED', UUID(), 'HANDLER_ERROR', 3, '{}', NOW(3), 'old'
     FROM number p JOIN number o WHERE p.n < 6`),
  );
const former = (group: string) =>
  `SELECT COUNT(*) AS n FROM shop_${group}.dead_letter WHERE resolution = 'old' AND \`partition\` = -2 AND \`offset\` = id`;

async function publish(record: Parameters<ReturnType<typeof createKafkaBroker>['send']>[0][number]): Promise<void> {
  const brokers = (system.stack.env.KAFKA_BROKERS ?? '').split(',');
  const broker = createKafkaBroker({ brokers, clientId: 'test', logger: silentLogger });
  try {
    await broker.send([record]);
  } finally {
    await broker.close();
  }
}

/** Orders that complete, with a coupon or without, are cancelled afterwards, find no stock, or cannot be paid. */
async function ordersOfAllEnds(): Promise<void> {
  const [poor, scarce] = [await api.newUser(1), await api.newProduct(PRICE, 1)];
  const policy = await api.newPolicy({ discountAmount: 30, totalQuantity: 100 });
  const coupons = await Promise.all(users.map(async (userId) => ({ userId, couponId: await coupon(userId, policy) })));
  await inTurns(Array.from({ length: ORDERS / 2 }), async (_, i) => {
    const given = i % 10 === 0 ? coupons.pop() : undefined;
    const userId = given?.userId ?? (i % 10 === 1 ? poor : (users[i % users.length] as number));
    const lines = [i % 10 === 2 ? ([scarce, 5] as const) : ([productId, 1 + (i % 3)] as const)];
    const { orderId } = await placeOne(api, userId, lines, given ? { couponId: given.couponId } : {});
    if (i % 10 > 3) completed.push({ orderId, userId });
    if (i % 10 !== 3) return;
    // While too much is asked for, it asks again.
    await eventually('a refund', async () => {
      await api.settled(orderId, userId);
      return expectStatus(await api.cancel(orderId, userId), 202);
    });
  });
}

async function coupon(userId: number, couponPolicyId: number): Promise<string> {
  const issue = { body: { userId, couponPolicyId } };
  return expectStatus(await api.request<{ couponId: string }>('POST', '/coupons/issue', issue), 200).body.couponId;
}

const list = (orders: readonly Placed[]) => orders.map(({ orderId }) => `'${orderId}'`).join(', ');

async function effects() {
  const of = (type: string) => count(`SELECT COUNT(*) AS n FROM shop_payment.point_history WHERE type = '${type}'`);
  return { uses: await of('USE'), refunds: await of('REFUND') };
}

const untilCount = (query: string, wanted: number) =>
  eventually(query, async () => (await count(query)) === wanted, { withinMs: 60_000 });

const count = (query: string) =>
  withSql(async (sql) => {
    const [row] = await sql.query<{ n: number }>(query);
    return row?.n ?? 0;
  });

async function withSql<T>(work: (sql: Awaited<ReturnType<typeof connectRoot>>) => Promise<T>): Promise<T> {
  const sql = await connectRoot(system.stack);
  try {
    return await work(sql);
  } finally {
    await sql.close();
  }
}
