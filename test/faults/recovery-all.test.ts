import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICE_NAMES, type ServiceName, schemaOf } from '../../services/services.ts';
import { expectStatus, type OrderAnswer } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { type Backup, backUp, restore } from '../support/backup.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import { recovering, restoreOld, rowsOf } from '../support/recovery.ts';
import { type System, startSystem } from '../support/system.ts';

/** After the last backup. */
const ORDERS = drillSize(2_000);
const COUPONS = drillSize(500);
const CHANGES = drillSize(300);
const DRILL = 'several services restored from backups of different minutes';

interface Saved {
  readonly from: Date;
  readonly backup: Backup;
}

interface Placed {
  readonly orderId: string;
  readonly userId: number;
  readonly key: string;
}

let system: System;
let api: System['api'];
let users: number[];
let plenty: number;
let scarce: number;
let policy: number;
const saved = new Map<ServiceName, Saved>();
const placed: Placed[] = [];

beforeAll(async () => {
  system = await startSystem({ env: { ...PATIENT, ORDER_DEADLINE_MS: '120000' } });
  api = system.api;
  users = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1_000_000)));
  users.push(await api.newUser(500));
  plenty = await api.newProduct(100, 100_000);
  scarce = await api.newProduct(100, Math.ceil(ORDERS / 20));
  policy = await api.newPolicy({ totalQuantity: 10_000 });
  await work(20, 5, 5);
  await untilIdle(system);
  // Each backup is of another moment, and taken while the shop is at work.
  for (const service of SERVICE_NAMES) {
    // A minute before: the group of ranking may have heard nothing since a moment ago.
    const from = new Date(Date.now() - 60_000);
    await work(10, 3, 3);
    const [backup] = await Promise.all([backUp(system.stack, schemaOf(service)), work(20, 5, 5)]);
    saved.set(service, { from, backup });
  }
  await work(ORDERS, COUPONS, CHANGES);
  await untilIdle(system);
}, 400_000);

afterAll(() => system?.stop(), 60_000);

describe('services that are lost together', () => {
  it('when two are restored from backups of different minutes, then both equal what they were', async () => {
    await expectBack(['order', 'payment']);
  }, 400_000);

  it('when all are restored from backups of different minutes, then the shop is what it was', async () => {
    await expectBack(SERVICE_NAMES);
  }, 400_000);

  it('when the shop goes on, then orders complete as before', async () => {
    const before = placed.length;
    await work(20, 5, 5);
    for (const { orderId, userId } of placed.slice(before)) {
      const { status, reason } = await api.settled(orderId, userId, 60);
      expect([status, reason]).not.toEqual(['CANCELLED', 'ORDER_DEADLINE_EXCEEDED']);
    }
    await expectCleanAudit(system);
  }, 120_000);
});

/** Loses these services, brings them back, and compares: rows, what a client's repeat is told, the audit. */
async function expectBack(services: readonly ServiceName[]): Promise<void> {
  const before = await readShop();
  // First those that send: nobody hears anything while the others are away.
  for (const service of services) await restoreOne(service);
  expect(await readShop()).not.toEqual(before);

  const began = performance.now();
  await Promise.all(services.map((service) => system.start(service, 1, recovering(fromOf(service), 1_000))));
  await untilIdle(system);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  noteFigure(DRILL, `${services.join(', ')} recovered, ${ORDERS} orders old, in`, `${seconds} s`);
  await untilReplayed();
  if (services.includes('ranking')) await expectOps(system.stack, ['reconcile', '--only', 'ranking', '--execute']);
  expect(await readShop()).toEqual(before);
  await expectCleanAudit(system);

  await inTurns(placed, async ({ orderId, userId, key }, i) => {
    const again = await api.placeOrder<OrderAnswer>(userId, wishOf(i), { key });
    expect([again.status, again.body.orderId]).toEqual([202, orderId]);
  });
  expect(await readShop()).toEqual(before);
}

/** Order's recovery asks for a replay to the data platform, whose inbox is whole only once it is done. */
async function untilReplayed(): Promise<void> {
  const left = `SELECT 1 FROM shop_order.replay WHERE kind = 'REPLAY' AND status IN ('REQUESTED', 'RUNNING')`;
  const isDone = async () => (await rowsOf(system, left)).length === 0;
  await eventually('the replay to the data platform', isDone, { withinMs: 120_000 });
}

async function restoreOne(service: ServiceName): Promise<void> {
  const { backup } = saved.get(service) as Saved;
  if (service === 'ranking') {
    await system.process(service).stop();
    await restore(system.stack, backup);
  } else await restoreOld(system, service, backup);
}

const fromOf = (service: ServiceName): Date => (saved.get(service) as Saved).from;

const wishOf = (i: number): [number, number][] => [[i % 10 === 3 ? scarce : plenty, 1 + (i % 3)]];

/** Orders, some cancelled once they have completed; coupons; changes of a product. */
async function work(orders: number, coupons: number, changes: number): Promise<void> {
  await Promise.all([
    inTurns(Array.from({ length: orders }), async () => {
      const i = placed.length;
      const order: Placed = { orderId: '', userId: users[i % users.length] as number, key: randomUUID() };
      placed.push(order);
      const { body } = expectStatus(
        await api.placeOrder<OrderAnswer>(order.userId, wishOf(i), { key: order.key }),
        202,
      );
      placed[i] = { ...order, orderId: body.orderId };
      if (i % 11 === 0 && (await api.settled(body.orderId, order.userId, 60)).status === 'COMPLETED')
        expectStatus(await api.cancel(body.orderId, order.userId), 202);
    }),
    inTurns(Array.from({ length: coupons }), async () => {
      const userId = await api.newUser(100);
      const options = { body: { userId, couponPolicyId: policy } };
      expectStatus(await api.request('POST', '/coupons/issue', options), 200);
    }),
    inTurns(Array.from({ length: changes }), async () => {
      expectStatus(await api.request('PATCH', `/products/${plenty}`, { body: { restock: 1 } }), 200);
    }),
  ]);
}

/** What the shop's services say of orders, money, stock and coupons; no times and no numbers that a database draws. */
async function readShop() {
  const read = (query: string) => rowsOf(system, query);
  return {
    orders: await read(
      `SELECT order_id, user_id, coupon_id, status, reason, total_amount, paid_amount
         FROM shop_order.orders ORDER BY order_id`,
    ),
    payments: await read('SELECT order_id, user_id, status, paid_amount FROM shop_payment.payments ORDER BY order_id'),
    accounts: await read('SELECT user_id, balance FROM shop_payment.accounts ORDER BY user_id'),
    reservations: await read('SELECT order_id, status, reason FROM shop_catalog.reservations ORDER BY order_id'),
    products: await read(
      `SELECT product_id, name, price, available, reserved, sold, restocked, version
         FROM shop_catalog.products ORDER BY product_id`,
    ),
    coupons: await read('SELECT coupon_id, user_id, status, order_id FROM shop_coupon.coupons ORDER BY coupon_id'),
    policies: await read(
      'SELECT coupon_policy_id, issued_count FROM shop_coupon.coupon_policies ORDER BY coupon_policy_id',
    ),
    totals: await read(
      `SELECT business_day, product_id, quantity FROM shop_ranking.daily_product_sales s
         JOIN shop_ranking.ranking_state r ON r.live_generation = s.generation ORDER BY business_day, product_id`,
    ),
  };
}
