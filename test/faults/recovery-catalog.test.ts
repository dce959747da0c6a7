import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SqlConnection } from '../../ops/src/sql.ts';
import { expectStatus, type Lines, type OrderAnswer } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { type Backup, backUp, restore } from '../support/backup.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
import { eventually } from '../support/eventually.ts';
import { inTurns } from '../support/in-turns.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import { earlier, killWhileLocked } from '../support/recovery.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

/** Orders and changes of products after the backup, which is taken while others are under way. */
const ORDERS = drillSize(2_000);
const CHANGES = drillSize(300);
/** Pieces of a scarce product at first. */
const FEW = 12;

let system: System;
let api: System['api'];
let rich: number[];
let penniless: number[];
/** Products with more pieces than anybody wants. */
let plenty: number[];
/** Products that are sold out again and again. */
let scarce: number[];

beforeAll(async () => {
  // Orders wait for the catalog while it is down, and for pieces while payment is, and must not be cancelled meanwhile.
  system = await startSystem({ env: { ...PATIENT, ORDER_DEADLINE_MS: '240000' } });
  api = system.api;
  rich = await Promise.all(Array.from({ length: 10 }, () => api.newUser(9_000_000)));
  penniless = await Promise.all(Array.from({ length: 4 }, () => api.newUser(1)));
  plenty = await Promise.all(Array.from({ length: 4 }, () => api.newProduct(100, 100_000)));
  scarce = await Promise.all(Array.from({ length: 6 }, () => api.newProduct(200, FEW)));
}, 120_000);

afterAll(() => system?.stop(), 60_000);

describe('the schema of the catalog, restored from a backup taken under load', () => {
  let from: Date;
  let backup: Backup;
  let restocks: Restock[];
  /** Completed before the backup, given back after it. */
  let refunded: Placed;
  /** Completed after the backup; their products have few pieces left. */
  let bought: Placed[];
  /** Changed last of all, and not at all since the backup. */
  let [late, untouched]: number[] = [];

  beforeAll(async () => {
    [late, untouched] = await Promise.all([api.newProduct(100, 10), api.newProduct(100, 10)]);
    await Promise.all([work(30), change(20)]);
    refunded = await placeOne(rich[0] as number, [[plenty[0] as number, 1]]);
    await untilIdle(system);
    from = new Date();
    await work(20);
    const [taken] = await Promise.all([backUp(system.stack, 'shop_catalog'), work(40), change(10)]);
    backup = taken;

    const [, made] = await Promise.all([work(ORDERS), change(CHANGES)]);
    restocks = made;
    await untilIdle(system);
    expectStatus(await api.cancel(refunded.orderId, refunded.userId), 202);
    await patch(`/products/${late}`, { takeBack: 3 });
    await untilIdle(system);
  }, 600_000);

  it('when the schema is recovered, then it equals its former state with those who stand in line, and no other service has noticed', async () => {
    await system.process('payment').stop();
    const { inDemand, held, inLine, left } = await standInLine();
    const before = await readCatalog();
    expect(new Set(before.reservations.map(({ status }) => status))).toEqual(
      new Set(['ACTIVE', 'SOLD', 'RELEASED', 'REJECTED', 'WAITING', 'VOID']),
    );
    expect(before.line.map(({ orderId }) => orderId)).toEqual(inLine.map(({ orderId }) => orderId));
    await restoreOld();
    const old = await readCatalog();
    expect(before.reservations.length - old.reservations.length).toBeGreaterThanOrEqual(ORDERS);
    expect(before.changes.length - old.changes.length).toBeGreaterThanOrEqual(CHANGES);
    const others = await readOthers();

    const plan = await expectOps(system.stack, ['replay', '--recover', 'catalog', '--from', from.toISOString()]);
    expect(plan.stdout).toMatch(/stock-reserved +[1-9]\d+ +[1-9]\d+/);
    await system.start('catalog', 1, recovery(1_000));
    expect(await readCatalog()).toEqual(before);
    expect(await readOthers()).toEqual(others);
    const run = await lastRecovery();
    const records = `${run?.facts} facts, ${run?.applied} other events`;
    noteFigure('catalog restored', `${ORDERS} orders, ${CHANGES} changes: ${records}, s`, run?.seconds ?? 0);

    // They are served as if nothing had happened.
    for (const productId of inDemand) await patch(`/products/${productId}`, { restock: 40 });
    await system.start('payment');
    for (const { orderId, userId } of [...held, ...inLine])
      expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    bought = [...held, ...inLine];
    for (const { orderId, userId } of left) expect((await api.settled(orderId, userId)).status).toBe('CANCELLED');
    await expectCleanAudit(system);
  });

  it('when a restock is repeated with its key, then it is answered as replayed and adds nothing', async () => {
    const before = await readCatalog();
    expect(restocks.length).toBeGreaterThan(5);
    await inTurns(restocks, async ({ path, body, key, answer }) => {
      const again = expectStatus(await api.request('PATCH', path, { body, headers: { 'idempotency-key': key } }), 200);
      expect([again.headers.get('idempotency-replayed'), again.body]).toEqual(['true', answer]);
    });
    expect(await readCatalog()).toEqual(before);
  });

  it('when recovery is killed in each step while orders wait, then it still completes', async () => {
    const before = await readCatalog();
    await restoreOld();
    // Not consumed yet. Of the cancelled orders neither event has been answered: they must never hold stock.
    const waiting = await place(20, (i) => rich[i % 5] as number);
    const cancelled = await place(10, (i) => rich[i % 5] as number);
    for (const { orderId, userId } of [...cancelled, ...bought]) expectStatus(await api.cancel(orderId, userId), 202);
    const contended = await place(40, (i) => rich[i % 5] as number);

    await killAt('own events', `SELECT 1 FROM shop_catalog.products WHERE product_id = ${late} FOR UPDATE`);
    const end = `SELECT 1 FROM shop_catalog.reservations WHERE order_id = '${refunded.orderId}' FOR UPDATE`;
    await killAt('open events', end);
    const count = `SELECT 1 FROM shop_catalog.products WHERE product_id = ${untouched} FOR UPDATE`;
    await killAt('open events', count);
    const decision = `INSERT INTO shop_catalog.reservations (order_id, user_id, status, created_at, updated_at)
      VALUES ('${waiting.at(-1)?.orderId}', 1, 'VOID', NOW(3), NOW(3))`;
    await killAt('open events', decision);
    await system.start('catalog', 1, recovery(50));

    const after = await readCatalog();
    const isOld = isOf(before.reservations);
    const known = (row: { orderId: string }) => isOld(row) && !isOf(bought)(row);
    expect(after.reservations.filter(known)).toEqual(before.reservations.filter(known));
    expect(after.reservations.filter(isOf(bought)).map(({ status }) => status)).toEqual(bought.map(() => 'RELEASED'));
    expect(after.changes).toEqual(before.changes);
    expect(after.keys).toEqual(before.keys);
    const statusOf = new Map(after.reservations.map(({ orderId, status }) => [orderId, status]));
    expect(cancelled.map(({ orderId }) => statusOf.get(orderId))).toEqual(cancelled.map(() => 'VOID'));

    for (const { orderId, userId } of waiting) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    for (const { orderId, userId } of contended) await api.settled(orderId, userId);
    await expectCleanAudit(system);
    expect(await recoveries()).toEqual(['FAILED', 'FAILED', 'FAILED', 'FAILED', 'DONE']);
  });

  it('when recovery runs again on a recovered schema, then nothing changes', async () => {
    const before = await readCatalog();
    await system.process('catalog').stop();
    await system.start('catalog', 1, { ...recovery(1_000), RECOVERY_FROM: earlier(from).toISOString() });
    expect(await readCatalog()).toEqual(before);
    await expectCleanAudit(system);
  });

  const recovery = (batch: number) => ({
    RECOVERY: 'on',
    RECOVERY_FROM: from.toISOString(),
    RECOVERY_BATCH: String(batch),
  });

  async function restoreOld(): Promise<void> {
    await system.process('catalog').stop();
    // Unsent events would be lost with the disk; this drill concerns only sent ones.
    expect(await rows('SELECT id FROM shop_catalog.outbox')).toEqual([]);
    await restore(system.stack, backup);
  }

  const killAt = (step: string, lock: string) =>
    killWhileLocked(system, { service: 'catalog', env: recovery(50), step, lock: (sql) => hold(sql, lock) });

  const recoveries = async () =>
    (await rows<{ status: string }>('SELECT status FROM shop_catalog.replay ORDER BY id')).map((row) => row.status);

  const lastRecovery = async () =>
    (
      await rows<{ id: number; facts: number; applied: number; progress: string; seconds: number }>(
        `SELECT id, facts, applied, progress, TIMESTAMPDIFF(MICROSECOND, started_at, finished_at) / 1000000 AS seconds
           FROM shop_catalog.replay ORDER BY id DESC LIMIT 1`,
      )
    )[0];
});

/** Runs a statement that takes a lock. */
const hold = (sql: SqlConnection, lock: string) => (lock.startsWith('SELECT') ? sql.query(lock) : sql.execute(lock));

interface Placed {
  readonly orderId: string;
  readonly userId: number;
}

const isOf = (placed: readonly { readonly orderId: string }[]) => {
  const ids = new Set(placed.map(({ orderId }) => orderId));
  return (row: { readonly orderId: string }) => ids.has(row.orderId);
};

interface Restock {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly answer: unknown;
}

/**
 * While payment is down: orders that hold all pieces of two products, some that wait for them and stay in line, and
 * some that are cancelled while they wait.
 */
async function standInLine(): Promise<{
  inDemand: number[];
  held: Placed[];
  inLine: Placed[];
  left: Placed[];
}> {
  const [one, two] = [await api.newProduct(10, 20), await api.newProduct(10, 20)];
  const held = [await placeOne(rich[0] as number, [[one, 20]]), await placeOne(rich[1] as number, [[two, 20]])];
  await untilStatus(held, 'ACTIVE');
  for (const productId of [one, two]) await patch(`/products/${productId}`, { restock: 9 });
  const inLine: Placed[] = [];
  const left: Placed[] = [];
  for (let i = 0; i < 6; i++) {
    const placed = await placeOne(rich[2 + i] as number, [[i % 2 ? one : two, 10]]);
    await untilStatus([placed], 'WAITING');
    (i % 3 === 2 ? left : inLine).push(placed);
  }
  for (const { orderId, userId } of left) expectStatus(await api.cancel(orderId, userId), 202);
  await untilStatus(left, 'VOID');
  await patch(`/products/${one}`, { name: 'in demand' });
  await eventually('an empty outbox', async () => (await rows('SELECT 1 FROM shop_catalog.outbox')).length === 0);
  return { inDemand: [one, two], held, inLine, left };
}

async function untilStatus(placed: readonly Placed[], status: string): Promise<void> {
  const ids = placed.map(({ orderId }) => `'${orderId}'`).join(',');
  const found = `SELECT 1 FROM shop_catalog.reservations WHERE status = '${status}' AND order_id IN (${ids})`;
  await eventually(`${placed.length} ${status}`, async () => (await rows(found)).length === placed.length);
}

/**
 * Places orders: most of them want scarce pieces, some with a plentiful product besides, some cannot be paid, some name
 * a coupon that does not exist. Every ninth that completes is cancelled. The ends of the others are not awaited.
 */
async function work(orders: number): Promise<void> {
  const placed = await place(orders, (i) => (i % 4 === 3 ? penniless : rich)[i % 4] as number);
  const ninth = placed.filter((_, i) => i % 9 === 0);
  await inTurns(ninth, async ({ orderId, userId }) => {
    const { status } = await api.settled(orderId, userId);
    if (status === 'COMPLETED') expectStatus(await api.cancel(orderId, userId), 202);
  });
}

async function place(count: number, userOf: (i: number) => number): Promise<Placed[]> {
  const placed: Placed[] = [];
  await inTurns(Array.from({ length: count }), async (_, i) => {
    const many = plenty[i % plenty.length] as number;
    const few = scarce[i % scarce.length] as number;
    const besides: Lines = i % 3 === 1 ? [[many, 1]] : [];
    const lines: Lines = count <= 20 || i % 3 === 0 ? [[many, 2]] : [[few, 1 + (i % 5)], ...besides];
    const couponId = count > 20 && i % 10 === 5 ? randomUUID() : undefined;
    placed.push(await placeOne(userOf(i), lines, couponId));
  });
  return placed;
}

async function placeOne(userId: number, lines: Lines, couponId?: string): Promise<Placed> {
  const answer = await api.placeOrder<OrderAnswer>(userId, lines, couponId ? { couponId } : {});
  return { orderId: expectStatus(answer, 202).body.orderId, userId };
}

/** Changes products of every kind in every way. @returns the restocks, which had a key, with their answers */
async function change(count: number): Promise<Restock[]> {
  const restocks: Restock[] = [];
  await inTurns(Array.from({ length: count }), async (_, i) => {
    const few = `/products/${scarce[i % scarce.length]}`;
    const many = `/products/${plenty[i % plenty.length]}`;
    const name = `renamed ${randomUUID()}`;
    const headers = { 'idempotency-key': randomUUID() };
    if (i % 6 === 0) await api.newProduct(50, i);
    else if (i % 6 === 1) await patch(many, { name, price: 90 + (i % 20) });
    else if (i % 6 === 2) await patch(many, { takeBack: 1 + (i % 3) });
    else if (i % 30 === 3) await patch(few, { onSale: false });
    else if (i % 30 === 9) for (const productId of scarce) await patch(`/products/${productId}`, { onSale: true });
    else {
      const body = { restock: 1 + (i % 7) };
      const answer = expectStatus(await api.request('PATCH', few, { body, headers }), 200).body;
      restocks.push({ path: few, body, key: headers['idempotency-key'], answer });
    }
  });
  for (const productId of scarce) await patch(`/products/${productId}`, { onSale: true });
  return restocks;
}

const patch = async (path: string, body: object) => expectStatus(await api.request('PATCH', path, { body }), 200);

/** The catalog's rows, without places in line (their order stays) and times of writing. */
async function readCatalog() {
  return {
    products: await rows(
      `SELECT product_id, name, price, initial_stock, restocked, taken_back, available, reserved, sold, waiting, on_sale, version
         FROM shop_catalog.products ORDER BY product_id`,
    ),
    changes: await rows(
      `SELECT request_id, product_id, version, change_type, name, price, stock_delta, available, on_sale
         FROM shop_catalog.product_changes ORDER BY product_id, version`,
    ),
    reservations: await rows<{ orderId: string; status: string }>(
      `SELECT order_id AS orderId, user_id, coupon_id, status, reason, total_amount, waited
         FROM shop_catalog.reservations ORDER BY order_id`,
    ),
    lines: await rows(
      `SELECT order_id, product_id, name, unit_price, quantity FROM shop_catalog.reservation_lines
        ORDER BY order_id, product_id`,
    ),
    line: await rows<{ orderId: string }>(
      'SELECT order_id AS orderId, product_id, quantity, expected_total FROM shop_catalog.waiting_lines ORDER BY place',
    ),
    keys: await rows(
      'SELECT user_id, scope, idem_key, request_hash, request_id FROM shop_catalog.idempotency_key ORDER BY request_id',
    ),
    inbox: await rows('SELECT consumer_group, event_id FROM shop_catalog.processed_event ORDER BY event_id'),
    deadLetters: await rows(
      'SELECT message_key, event_type, status FROM shop_catalog.dead_letter ORDER BY message_key',
    ),
  };
}

async function readOthers() {
  const schemas = ['shop_order', 'shop_payment', 'shop_coupon', 'shop_ranking'];
  return (await Promise.all(schemas.map((schema) => backUp(system.stack, schema)))).map((it) => it.tables);
}

async function rows<Row>(query: string): Promise<Row[]> {
  const sql = await connectRoot(system.stack);
  try {
    return [...(await sql.query<Row>(query))];
  } finally {
    await sql.close();
  }
}
