import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { startService } from '../../deploy/local/stack.ts';
import { signedCalls } from '../../ops/src/signed-call.ts';
import { type Answer, expectStatus, nextUserId, policyBody } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { type Backup, backUp, restore } from '../support/backup.ts';
import { startRush } from '../support/coupon-rush.ts';
import { type Coupons, createCoupons } from '../support/coupons.ts';
import { drillSize } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import { earlier, killWhileLocked } from '../support/recovery.ts';
import { connectRedis, connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** Coupons that are issued after the backup one by one, and used by orders; some of them are given back. */
const ISSUED = drillSize(500);
/** Coupons of the rush, and of the requests over the log: each is asked for by three times as many. */
const RUSH = drillSize(500);
const OVER_LOG = drillSize(100);
/** Orders that are cancelled before their stock is reserved. */
const VOIDED = 8;
let system: System;
let api: System['api'];
let redis: Redis;
let coupons: Coupons;
let productId: number;

beforeAll(async () => {
  // Orders wait for coupon while it is down, and must not be cancelled meanwhile.
  system = await startSystem({ env: { ...PATIENT, ORDER_DEADLINE_MS: '120000', RECONCILE_EVERY_MS: '500' } });
  api = system.api;
  redis = connectRedis(system.stack);
  coupons = createCoupons(system);
  productId = await api.newProduct(3_000, 100_000);
}, 120_000);

afterAll(async () => {
  redis?.disconnect();
  await coupons?.close();
  await system?.stop();
}, 60_000);

interface Given {
  readonly userId: number;
  readonly couponId: string;
}

describe('the schema of coupon, restored from a backup taken under load', () => {
  let from: Date;
  let backup: Backup;
  /** Policies by what became of them. */
  let open: number;
  let soldOut: number;
  let revoked: number;
  let overLog: number;
  let policyKey: string;
  /** Coupons from before the backup that nobody uses until a test wants it, and one that is revoked after it. */
  let [late, later, revokedLater]: Given[] = [];
  let requests: { userId: number; requestId: string }[];
  let winners: Given[];
  /** Winners with points to order. */
  let funded: Given[];

  beforeAll(async () => {
    open = await api.newPolicy({ totalQuantity: 10_000 });
    revoked = await api.newPolicy({ totalQuantity: 1_000 });
    const users = await newUsers(3);
    [late, later] = await inTurns(users.slice(0, 2), (userId) => issue(open, userId));
    [revokedLater] = await inTurns(users.slice(2), (userId) => issue(revoked, userId));
    await useSome(await issueTo(open, 10));
    await untilIdle(system);
    from = new Date();
    await useSome(await issueTo(open, 10));
    const [taken] = await Promise.all([backUp(system.stack, 'shop_coupon'), work(20)]);
    backup = taken;

    const began = performance.now();
    policyKey = randomUUID();
    soldOut = await api.newPolicy({ totalQuantity: RUSH, name: 'rush' }, { 'idempotency-key': policyKey });
    await Promise.all([work(ISSUED), rush(), askOverLog()]);
    await endPolicies();
    await cancelBeforeReserved();
    await order(late as Given);
    await untilIdle(system);
    console.info(`the work after the backup took ${since(began)}`);
  }, 300_000);

  it('when the schema is recovered, then it equals its former state, and no other service has noticed', async () => {
    const [before, door] = [await readCoupon(), await readDoor()];
    const statuses = (rows: readonly { status: string }[]) => new Set(rows.map((row) => row.status));
    expect(statuses(before.redemptions)).toEqual(new Set(['REDEEMED', 'RETURNED', 'SPARED', 'REJECTED', 'VOID']));
    expect(statuses(before.coupons)).toEqual(new Set(['ISSUED', 'USED', 'REVOKED']));
    expect(statuses(before.requests)).toEqual(new Set(['ISSUED', 'SOLD_OUT']));
    expect(new Set(before.ends.map((end) => `${end.revokes} ${end.done}`))).toEqual(new Set(['0 1', '1 1']));
    await restoreOld();
    const old = await readCoupon();
    expect(before.coupons.length - old.coupons.length).toBeGreaterThanOrEqual(ISSUED + RUSH + OVER_LOG);
    const others = await readOthers();

    const plan = await expectOps(system.stack, ['replay', '--recover', 'coupon', '--from', from.toISOString()]);
    expect(plan.stdout).toMatch(/coupon-redeemed +[1-9]\d+ +[1-9]\d*/);
    expect(plan.stdout).toMatch(/coupon-issue-requested +[1-9]\d+ +[1-9]\d*/);
    const began = performance.now();
    await system.start('coupon', 1, recovery(1_000));
    console.info(`the recovery of ${before.coupons.length - old.coupons.length} coupons took ${since(began)}`);
    expect(await readCoupon()).toEqual(before);
    expect(await readDoor()).toEqual(door);
    await expectCleanAudit(system);
    expect(await readOthers()).toEqual(others);
  });

  it('when clients repeat what they did before, then they are told the same, and sold out stays sold out', async () => {
    const before = await readCoupon();
    await repeatAll();
    expect(await readCoupon()).toEqual(before);
  });

  it('when recovery is killed in each step while orders wait, then it still completes', async () => {
    const before = await readCoupon();
    await restoreOld();
    // Not heard yet. Of the cancelled orders neither event has been answered: their coupons must never be used.
    const waiting = await inTurns([...funded.slice(0, 10), later as Given], placeOrder);
    const cancelled = await inTurns(funded.slice(10), placeOrder);
    await inTurns(cancelled, cancelOrder);
    // Its policy was revoked after the backup: the order must not get what was taken from its user.
    const refused = await placeOrder(revokedLater as Given);

    // Own events: the last one is about `late`.
    await killAt(late as Given, 'own events');
    await expectRefused();
    await killAt(revokedLater as Given, 'what jobs had done');
    await killAt(later as Given, 'open events');
    const second = await startSecond(recovery(50));
    await system.start('coupon', 1, recovery(50));
    await second.ready();
    expect(await second.stop()).toBe(true);

    for (const { orderId, userId } of waiting) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    const { reason } = await api.settled(refused.orderId, refused.userId);
    expect(reason).toBe('COUPON_REVOKED');
    await expectCleanAudit(system);
    const after = await readCoupon();
    const redemptions = new Map(after.redemptions.map((row) => [row.orderId, row]));
    for (const row of before.redemptions) expect(redemptions.get(row.orderId)).toEqual(row);
    expect(cancelled.map(({ orderId }) => redemptions.get(orderId)?.status)).toEqual(cancelled.map(() => 'VOID'));
    const usedNow = new Set(waiting.map(({ couponId }) => couponId));
    const kept = (of: typeof before) => of.coupons.filter((it) => !usedNow.has(it.couponId));
    expect(kept(after)).toEqual(kept(before));
    expect([after.policies, after.ends, after.requests]).toEqual([before.policies, before.ends, before.requests]);
    // The second instance may have come when the first was done: it reads the topics again.
    const [first, second_, third, ...rest] = await recoveries();
    expect([first, second_, third, ...new Set(rest)]).toEqual(['FAILED', 'FAILED', 'FAILED', 'DONE']);
  });

  it('when recovery runs again on a recovered schema, then nothing changes', async () => {
    const before = await readCoupon();
    await system.process('coupon').stop();
    await system.start('coupon', 1, { ...recovery(1_000), RECOVERY_FROM: earlier(from).toISOString() });
    expect(await readCoupon()).toEqual(before);
    await expectCleanAudit(system);
  });

  it('when Redis was lost with the schema, then nobody gets a second coupon, and no policy gives too many', async () => {
    const before = await readCoupon();
    await restoreOld();
    // Not of the ranking, which has its own there.
    await redis.del(await redis.keys('coupon:*'));
    await system.start('coupon', 1, recovery(1_000));
    expect(await readCoupon()).toEqual(before);
    await repeatAll();
    expect(await readCoupon()).toEqual(before);
    await expectCleanAudit(system);
  });

  const recovery = (batch: number) => ({
    RECOVERY: 'on',
    RECOVERY_FROM: from.toISOString(),
    RECOVERY_BATCH: String(batch),
  });

  /** Issues coupons and places orders with them. The ends of most orders are not awaited. */
  async function work(count: number): Promise<void> {
    await useSome(await issueTo(open, count));
  }

  /** As many at once as a rush has, straight to the service. */
  async function rush(): Promise<void> {
    const headersFor = signedCalls(system.stack.env.INTERNAL_KEYS);
    const rich = await newUsers(20);
    const users = [...rich, ...Array.from({ length: 3 * RUSH }, nextUserId)];
    const { url } = system.process('coupon');
    const told = await startRush({ url, headersFor, couponPolicyId: soldOut, users, connections: 20 }).end();
    winners = told.flatMap(({ userId, couponId }) => (couponId ? [{ userId, couponId }] : []));
    expect(winners).toHaveLength(RUSH);
    funded = winners.filter(({ userId }) => rich.includes(userId));
  }

  /** More than there are coupons: users with one already, and such as come too late. */
  async function askOverLog(): Promise<void> {
    overLog = await api.newPolicy({ totalQuantity: OVER_LOG, name: 'over the log' });
    const users = Array.from({ length: OVER_LOG + 10 }, nextUserId);
    requests = [];
    const ask = async (userId: number) => {
      const options = { body: { userId, couponPolicyId: overLog }, headers: { prefer: 'respond-async' } };
      const send = () => api.request<{ requestId: string }>('POST', '/coupons/issue', options);
      requests.push({ userId, requestId: (await patiently(202, send)).requestId });
    };
    // All are accepted before any is decided: whoever decides needs the policy's row.
    const sql = await connectRoot(system.stack);
    try {
      await sql.execute('START TRANSACTION');
      await sql.query('SELECT 1 FROM shop_coupon.coupon_policies WHERE coupon_policy_id = ? FOR UPDATE', [overLog]);
      await inTurns([...users, ...users.slice(0, 5)], ask);
      await sql.execute('ROLLBACK');
    } finally {
      await sql.close();
    }
    await eventually('every request to be decided', async () => {
      const rows = await rowsOf('SELECT 1 FROM shop_coupon.coupon_requests WHERE status = ?', ['PENDING']);
      return rows.length === 0;
    });
  }

  /** Coupons of the policy that is revoked: unused, used, given back before and after. Others are only ended. */
  async function endPolicies(): Promise<void> {
    const [unused, used] = [await issueTo(revoked, 3), await issueTo(revoked, 3)];
    const [before, after] = [await issueTo(revoked, 3), await issueTo(revoked, 3)];
    await inTurns(used, order);
    await inTurns(await inTurns(before, order), cancelOrder);
    const orders = await inTurns(after, order);
    await untilIdle(system);
    await coupons.end(overLog, false);
    await coupons.end(revoked, false);
    await coupons.end(revoked, true);
    await inTurns(orders, cancelOrder);
    const refused = await inTurns(unused, order);
    expect(refused.map((it) => it.status)).toEqual(unused.map(() => 'CANCELLED'));
  }

  async function cancelBeforeReserved(): Promise<void> {
    await system.process('catalog').stop();
    const poor = winners.filter((it) => !funded.includes(it));
    const placed = await inTurns(poor.slice(0, VOIDED), placeOrder);
    await inTurns(placed, cancelOrder);
    const voided = 'SELECT 1 FROM shop_coupon.redemptions WHERE status = ? AND order_id IN (?)';
    const ids = placed.map(({ orderId }) => orderId);
    await eventually(
      'coupon to have heard of them',
      async () => (await rowsOf(voided, ['VOID', ids])).length === VOIDED,
    );
    await system.start('catalog');
  }

  async function repeatAll(): Promise<void> {
    const wish = { totalQuantity: RUSH, name: 'rush' };
    expect(await api.newPolicy(wish, { 'idempotency-key': policyKey })).toBe(soldOut);
    const other = {
      body: policyBody({ totalQuantity: RUSH + 1, name: 'rush' }),
      headers: { 'idempotency-key': policyKey },
    };
    expectStatus(await api.request('POST', '/coupon-policies', other), 422);
    await inTurns(winners, async ({ userId, couponId }) => {
      const body = { userId, couponPolicyId: soldOut };
      const again = await patiently(200, () => api.request('POST', '/coupons/issue', { body }));
      expect(again).toMatchObject({ couponId, alreadyIssued: true });
    });
    await inTurns(Array.from({ length: 20 }, nextUserId), async (userId) => {
      for (const [couponPolicyId, code] of [
        [soldOut, 'COUPON_SOLD_OUT'],
        [revoked, 'COUPON_POLICY_ENDED'],
      ]) {
        const answer = await api.request('POST', '/coupons/issue', { body: { userId, couponPolicyId } });
        expect([answer.status, answer.body.code]).toEqual([409, code]);
      }
    });
    const byId = new Map((await readCoupon()).requests.map((row) => [row.requestId, row]));
    await inTurns(requests, async ({ userId, requestId }) => {
      const answer = await api.request('GET', `/coupons/requests/${requestId}`, { query: { userId } });
      const status = byId.get(requestId)?.status;
      expect(expectStatus(answer, 200).body).toMatchObject({ requestId, status });
    });
  }

  async function restoreOld(): Promise<void> {
    await system.process('coupon').stop();
    // Unsent events would be lost with the disk; this drill concerns only sent ones.
    expect(await rowsOf('SELECT id FROM shop_coupon.outbox')).toEqual([]);
    await restore(system.stack, backup);
  }

  const killAt = ({ couponId }: Given, step: string) =>
    killWhileLocked(system, {
      ...{ service: 'coupon', env: recovery(20), step },
      lock: (sql) => sql.query('SELECT 1 FROM shop_coupon.coupons WHERE coupon_id = ? FOR UPDATE', [couponId]),
    });

  const startSecond = (env: Record<string, string> = {}) =>
    startService(system.stack, { service: 'coupon', instance: 2, env: { LOG_LEVEL: 'info', ...env } });

  /** An instance that knows nothing of the recovery does not touch a schema in the midst of one. */
  async function expectRefused(): Promise<void> {
    const [rows, door] = [await readCoupon(), await readDoor()];
    const plain = await startSecond();
    await expect(plain.ready()).rejects.toThrow();
    expect(plain.output()).toContain('a recovery of this schema is not done');
    await plain.stop();
    expect([await readCoupon(), await readDoor()]).toEqual([rows, door]);
  }

  const recoveries = async () =>
    (await rowsOf<{ status: string }>('SELECT status FROM shop_coupon.replay ORDER BY id')).map((row) => row.status);
});

interface Placed extends Given {
  readonly orderId: string;
}

const newUsers = (count: number) => inTurns(Array.from({ length: count }), () => api.newUser(100_000));

async function issue(couponPolicyId: number, userId: number): Promise<Given> {
  const body = { userId, couponPolicyId };
  const answer = await patiently(200, () => api.request<Given>('POST', '/coupons/issue', { body }));
  return { userId, couponId: answer.couponId };
}

async function issueTo(couponPolicyId: number, count: number): Promise<Given[]> {
  return await inTurns(await newUsers(count), (userId) => issue(couponPolicyId, userId));
}

async function placeOrder({ userId, couponId }: Given): Promise<Placed> {
  const options = { couponId, key: randomUUID() };
  const send = () => api.placeOrder<{ orderId: string }>(userId, [[productId, 1]], options);
  return { userId, couponId, orderId: (await patiently(202, send)).orderId };
}

/** Places an order and waits for its end. */
async function order(of: Given): Promise<Placed & { readonly status: string }> {
  const placed = await placeOrder(of);
  return { ...placed, status: (await api.settled(placed.orderId, of.userId)).status };
}

async function cancelOrder({ orderId, userId }: Placed): Promise<void> {
  await patiently(202, () => api.cancel(orderId, userId));
}

/** Asks again while the shop is too busy. @returns the body of the answer, which must have this status */
async function patiently<Body>(status: number, send: () => Promise<Answer<Body>>): Promise<Body> {
  const answer = await eventually('an answer', async () => {
    const it = await send();
    return it.status !== 503 && it;
  });
  return expectStatus(answer, status).body;
}

/**
 * A fourth stays unused. Of the others some are only ordered with, some are named by two orders, some are given back,
 * and some of these are used again, and given back again.
 */
async function useSome(given: readonly Given[]): Promise<void> {
  await inTurns(given, async (it, i) => {
    if (i % 4 === 0) return;
    if (i % 4 === 1) return void (await placeOrder(it));
    if (i % 4 === 2) return void (await Promise.all([placeOrder(it), placeOrder(it)]));
    await cancelOrder(await order(it));
    if (i % 8 === 3) return;
    await returned(it);
    const again = await order(it);
    if (i % 16 === 7) await cancelOrder(again);
  });
  const [free] = given;
  if (free) await orderForNothing(free);
}

async function returned({ couponId }: Given): Promise<void> {
  const query = 'SELECT 1 FROM shop_coupon.coupons WHERE coupon_id = ? AND status = ?';
  await eventually('the coupon to be given back', async () => (await rowsOf(query, [couponId, 'ISSUED'])).length > 0);
}

let gift: number | undefined;

/** An order that its coupon takes nothing off: SPARED. */
async function orderForNothing({ userId, couponId }: Given): Promise<void> {
  gift ??= await api.newProduct(0, 1_000);
  expectStatus(await api.placeOrder(userId, [[gift, 1]], { couponId, wait: 20 }), 201);
}

interface CouponRow extends Given {
  readonly couponPolicyId: number;
  readonly status: string;
}

/**
 * Coupon's rows. Times of writing may differ, and are left out: those of redemptions and of requests, and when the job
 * revoked and was done. Everything else is as it was.
 */
async function readCoupon() {
  return {
    policies: await rowsOf('SELECT * FROM shop_coupon.coupon_policies ORDER BY coupon_policy_id'),
    ends: await rowsOf<{ revokes: number; done: number }>(
      `SELECT request_id, coupon_policy_id, revokes, reason, issued_count, revoked_count, created_at,
              done_at IS NOT NULL AS done FROM shop_coupon.coupon_policy_ends ORDER BY request_id`,
    ),
    coupons: await rowsOf<CouponRow>(
      `SELECT coupon_id AS couponId, coupon_policy_id AS couponPolicyId, user_id AS userId, discount_amount, status,
              order_id, issued_at, used_at, expires_at, revoked_at IS NOT NULL AS isRevoked
         FROM shop_coupon.coupons ORDER BY coupon_id`,
    ),
    redemptions: await rowsOf<{ orderId: string; status: string }>(
      `SELECT order_id AS orderId, coupon_id, user_id, status, reason, total_amount, discount_amount
         FROM shop_coupon.redemptions ORDER BY order_id`,
    ),
    requests: await rowsOf<{ requestId: string; status: string }>(
      `SELECT request_id AS requestId, coupon_policy_id, user_id, status, coupon_id
         FROM shop_coupon.coupon_requests ORDER BY request_id`,
    ),
    keys: await rowsOf('SELECT * FROM shop_coupon.idempotency_key ORDER BY request_id'),
    inbox: await rowsOf(
      'SELECT consumer_group, event_id FROM shop_coupon.processed_event ORDER BY consumer_group, event_id',
    ),
  };
}

/** What Redis knows of all policies. */
async function readDoor(): Promise<Record<string, unknown>> {
  const door: Record<string, unknown> = {};
  for (const key of (await redis.keys('coupon:*')).sort())
    door[key] = key.endsWith('holders') ? await redis.hgetall(key) : await redis.get(key);
  return door;
}

async function readOthers() {
  const schemas = ['shop_order', 'shop_catalog', 'shop_payment', 'shop_ranking'];
  return (await Promise.all(schemas.map((schema) => backUp(system.stack, schema)))).map((it) => it.tables);
}

async function rowsOf<Row>(query: string, params: readonly (string | readonly string[])[] = []): Promise<Row[]> {
  const sql = await connectRoot(system.stack);
  try {
    return [...(await sql.query<Row>(query, params))];
  } finally {
    await sql.close();
  }
}

const since = (began: number) => `${((performance.now() - began) / 1_000).toFixed(1)} s`;
