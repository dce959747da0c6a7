import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus, type OrderAnswer } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { type Backup, backUp } from '../support/backup.ts';
import { eventually } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import {
  earlier,
  killWhileLocked,
  recoveriesOf,
  recovering,
  restoreOld,
  rowsOf,
  tablesOf,
} from '../support/recovery.ts';
import { type System, startSystem } from '../support/system.ts';

/** Number of orders after the backup, which is taken while others are in progress. */
const ORDERS = 1_000;
const CHARGES = 200;
/** Number of orders cancelled before their stock is reserved. */
const VOIDED = 12;

let system: System;
let api: System['api'];
let users: number[];
let productId: number;

beforeAll(async () => {
  // Orders wait for payment while it is down, and must not be cancelled meanwhile.
  system = await startSystem({ env: { ...PATIENT, ORDER_DEADLINE_MS: '120000' } });
  api = system.api;
  users = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1_000_000)));
  users.push(...(await Promise.all([1_500, 300].map((points) => api.newUser(points)))));
  productId = await api.newProduct(100, 100_000);
}, 120_000);

afterAll(() => system?.stop(), 60_000);

describe('the schema of payment, restored from a backup taken under load', () => {
  let from: Date;
  let backup: Backup;
  let charges: Charge[];
  /** Users with an account but without events until a test wants some. */
  let [late, later]: number[] = [];

  beforeAll(async () => {
    [late, later] = await Promise.all([api.newUser(10_000), api.newUser(10_000)]);
    await work(30);
    await untilIdle(system);
    from = new Date();
    await work(20);
    const [taken] = await Promise.all([backUp(system.stack, 'shop_payment'), work(40), charge(20)]);
    backup = taken;

    const [, made] = await Promise.all([work(ORDERS - VOIDED), charge(CHARGES - 1)]);
    charges = made;
    await untilIdle(system);
    await cancelBeforeReserved();
    charges.push(...(await chargeAll([late as number])));
    await untilIdle(system);
  }, 180_000);

  it('when the schema is recovered, then it equals its former state, and no other service has noticed', async () => {
    const before = await readPayment();
    expect(charges).toHaveLength(CHARGES);
    expect(new Set(before.payments.map((row) => row.status))).toEqual(
      new Set(['COMPLETED', 'FAILED', 'REFUNDED', 'VOID']),
    );
    await restoreOld(system, 'payment', backup);
    const old = await readPayment();
    expect(before.payments.length - old.payments.length).toBeGreaterThanOrEqual(ORDERS);
    expect(before.keys.length - old.keys.length).toBeGreaterThanOrEqual(CHARGES);
    const others = await readOthers();

    const plan = await expectOps(system.stack, ['replay', '--recover', 'payment', '--from', from.toISOString()]);
    expect(plan.stdout).toMatch(/payment-completed +[1-9]\d+ +[1-9]\d+/);
    await system.start('payment', 1, recovering(from, 1_000));
    expect(await readPayment()).toEqual(before);
    await expectCleanAudit(system);
    expect(await readOthers()).toEqual(others);
  });

  it('when a charge is repeated with its key, then it is answered as replayed and charges nothing', async () => {
    const before = await readPayment();
    await inTurns(charges, async ({ userId, amount, key, balance }) => {
      const again = expectStatus(await api.charge(userId, amount, key), 200);
      expect([again.headers.get('idempotency-replayed'), again.body.balance]).toEqual(['true', balance]);
    });
    expect(await readPayment()).toEqual(before);
  });

  it('when recovery is killed in either step while orders wait, then it still completes', async () => {
    const before = await readPayment();
    await restoreOld(system, 'payment', backup);
    // Not consumed yet. Of the cancelled orders neither event has been answered: they must never be paid.
    const waiting = await place(20, [...users.slice(0, 5), later as number]);
    const cancelled = await place(10, users.slice(0, 5));
    for (const { orderId, userId } of cancelled) expectStatus(await api.cancel(orderId, userId), 202);

    // Own events: the last one concerns `late`.
    await killAt(late as number, 'own events');
    await killAt(later as number, 'open events');
    await system.start('payment', 1, recovering(from, 50));
    const after = await readPayment();
    for (const [userId, entries] of before.history)
      expect(after.history.get(userId)?.slice(0, entries.length)).toEqual(entries);
    const known = new Set(before.payments.map((row) => row.orderId));
    expect(after.payments.filter((row) => known.has(row.orderId))).toEqual(before.payments);
    const statusOf = new Map(after.payments.map((row) => [row.orderId, row.status]));
    expect(cancelled.map(({ orderId }) => statusOf.get(orderId))).toEqual(cancelled.map(() => 'VOID'));

    for (const { orderId, userId } of waiting) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    await expectCleanAudit(system);
    expect((await recoveriesOf(system, 'payment')).map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'DONE']);
  });

  it('when recovery runs again on a recovered schema, then nothing changes', async () => {
    const before = await readPayment();
    await system.process('payment').stop();
    await system.start('payment', 1, recovering(earlier(from), 1_000));
    expect(await readPayment()).toEqual(before);
    await expectCleanAudit(system);
  });

  const killAt = (userId: number, step: string) =>
    killWhileLocked(system, {
      ...{ service: 'payment', env: recovering(from, 50), step },
      lock: (sql) => sql.query('SELECT 1 FROM shop_payment.accounts WHERE user_id = ? FOR UPDATE', [userId]),
    });
});

interface Placed {
  readonly orderId: string;
  readonly userId: number;
}

interface Charge {
  readonly userId: number;
  readonly amount: number;
  readonly key: string;
  readonly balance: unknown;
}

/** Places orders, and cancels every ninth once it has completed. The ends of the others are not awaited. */
async function work(orders: number): Promise<void> {
  const placed = await place(orders, users);
  const ninth = placed.filter((_, i) => i % 9 === 0);
  await inTurns(ninth, async ({ orderId, userId }) => {
    const { status } = await api.settled(orderId, userId);
    if (status === 'COMPLETED') expectStatus(await api.cancel(orderId, userId), 202);
  });
}

/**
 * Orders whose cancellation payment consumes first, since the catalog has not reserved them yet: VOID, without any
 * event.
 */
async function cancelBeforeReserved(): Promise<void> {
  await system.process('catalog').stop();
  const placed = await place(VOIDED, users);
  for (const { orderId, userId } of placed) expectStatus(await api.cancel(orderId, userId), 202);
  const ids = placed.map(({ orderId }) => `'${orderId}'`).join(',');
  const voided = `SELECT 1 FROM shop_payment.payments WHERE status = 'VOID' AND order_id IN (${ids})`;
  await eventually('payment to have heard of them', async () => (await rows(voided)).length === placed.length);
  await system.start('catalog');
}

async function place(count: number, of: readonly number[]): Promise<Placed[]> {
  const placed: Placed[] = [];
  await inTurns(Array.from({ length: count }), async (_, i) => {
    const userId = of[i % of.length] as number;
    const answer = await api.placeOrder<OrderAnswer>(userId, [[productId, 1 + (i % 3)]]);
    placed.push({ orderId: expectStatus(answer, 202).body.orderId, userId });
  });
  return placed;
}

const charge = (count: number) => chargeAll(Array.from({ length: count }, (_, i) => users[i % 10] as number));

async function chargeAll(userIds: readonly number[]): Promise<Charge[]> {
  const charges: Charge[] = [];
  await inTurns(userIds, async (userId, i) => {
    const [amount, key] = [100 + i, randomUUID()];
    const { balance } = expectStatus(await api.charge(userId, amount, key), 200).body;
    charges.push({ userId, amount, key, balance });
  });
  return charges;
}

/** Payment's rows, without generated numbers and times of writing. */
async function readPayment() {
  const history = await rows<{ userId: number }>(
    `SELECT user_id AS userId, type, amount, balance_after AS balanceAfter, order_id AS orderId, request_id AS requestId
       FROM shop_payment.point_history ORDER BY user_id, id`,
  );
  return {
    accounts: await rows('SELECT user_id, balance FROM shop_payment.accounts ORDER BY user_id'),
    history: Map.groupBy(history, (row) => row.userId),
    payments: await rows<{ orderId: string; status: string }>(
      `SELECT order_id AS orderId, user_id, status, reason, paid_amount, discount_amount
         FROM shop_payment.payments ORDER BY order_id`,
    ),
    keys: await rows(
      'SELECT user_id, scope, idem_key, request_hash, request_id FROM shop_payment.idempotency_key ORDER BY request_id',
    ),
  };
}

const readOthers = () => tablesOf(system, ['order', 'catalog', 'coupon', 'ranking']);

const rows = <Row>(query: string): Promise<Row[]> => rowsOf(system, query);
