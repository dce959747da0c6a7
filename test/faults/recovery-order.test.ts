import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deriveEventId } from '@shop/events';
import { expectStatus, type Lines, type OrderAnswer } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { type Backup, backUp } from '../support/backup.ts';
import { drillSize, noteFigure } from '../support/drill.ts';
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
const ORDERS = drillSize(2_000);
const DRILL = 'order restored from a backup';

let system: System;
let api: System['api'];
let rich: number[];
let poor: number;
let coupons: { readonly userId: number; readonly couponId: string }[];
let plenty: number;
let scarce: number;

beforeAll(async () => {
  // Orders wait for payment while it is down, and must not be cancelled meanwhile.
  system = await startSystem({ env: { ...PATIENT, ORDER_DEADLINE_MS: '120000' } });
  api = system.api;
  rich = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1_000_000)));
  poor = await api.newUser(50);
  plenty = await api.newProduct(100, 100_000);
  scarce = await api.newProduct(100, Math.ceil(ORDERS / 20));
  coupons = await issueCoupons(Math.ceil(ORDERS / 20));
}, 120_000);

afterAll(() => system?.stop(), 60_000);

describe('the schema of order, restored from a backup taken under load', () => {
  let from: Date;
  let backup: Backup;
  const work: Work = { placed: [], cancelled: [] };

  beforeAll(async () => {
    await order(work, 30);
    await untilIdle(system);
    from = new Date();
    await order(work, 20);
    const [taken] = await Promise.all([backUp(system.stack, 'shop_order'), order(work, 60)]);
    backup = taken;
    await order(work, ORDERS);
    await untilIdle(system);
  }, 300_000);

  it('when the schema is recovered, then it equals its former state, and no other service has noticed', async () => {
    const before = await readOrder();
    expect(kindsOf(before)).toEqual(
      new Set([
        'COMPLETED',
        ...['INSUFFICIENT_BALANCE', 'OUT_OF_STOCK', 'PRICE_CHANGED', 'COUPON_ALREADY_USED', 'ORDER_CANCELLED'],
      ]),
    );
    await restoreOld(system, 'order', backup);
    const old = await readOrder();
    expect(before.orders.length - old.orders.length).toBeGreaterThanOrEqual(ORDERS);
    const others = await readOthers();
    const delivered = await deliveries();

    const plan = await expectOps(system.stack, ['replay', '--recover', 'order', '--from', from.toISOString()]);
    expect(plan.stdout).toMatch(/order-completed +[1-9]\d+ +[1-9]\d+/);
    // What completed since the backup is heard again, though a fact names it as its cause.
    const completedIn = ({ orders }: typeof old) => orders.filter(({ status }) => status === 'COMPLETED').length;
    const open = Number(/payment-completed +\d+ +(\d+)/.exec(plan.stdout)?.[1]);
    expect(open).toBeGreaterThanOrEqual(completedIn(before) - completedIn(old));
    await system.start('order', 1, recovering(from, 1_000));
    await untilDelivered();
    expect(await readOrder()).toEqual(before);
    await expectCleanAudit(system);
    expect(await readOthers()).toEqual(others);
    expect(await deliveries()).toEqual(delivered);
    const [recovery] = await recoveriesOf(system, 'order');
    expect(recovery?.status).toBe('DONE');
    noteFigure(DRILL, `${ORDERS} orders recovered in`, `${((recovery?.ms ?? 0) / 1_000).toFixed(1)} s`);
  }, 300_000);

  it('when clients repeat their requests with their keys, then each gets its old answer, and nothing happens', async () => {
    const before = await readOrder();
    await inTurns(work.placed, async ({ orderId, userId, lines, options }) => {
      const again = expectStatus(await api.placeOrder<OrderAnswer>(userId, lines, options), 202);
      expect([again.headers.get('idempotency-replayed'), again.body.orderId]).toEqual(['true', orderId]);
    });
    await inTurns(work.cancelled, async ({ orderId, userId, key }) => {
      const again = expectStatus(await api.cancel(orderId, userId, key), 202);
      expect([again.headers.get('idempotency-replayed'), again.body.status]).toEqual(['true', 'CANCELLED']);
    });
    expect(await readOrder()).toEqual(before);
    await expectCleanAudit(system);
  }, 300_000);

  it('when recovery is killed in either step while orders are under way, then it still completes', async () => {
    const before = await readOrder();
    await system.process('payment').stop();
    const underWay: Work = { placed: [], cancelled: [] };
    await inTurns(Array.from({ length: 20 }), async (_, i) => void (await place(underWay, wishOf(10 * i))));
    await inTurns(underWay.placed.slice(0, 5), (placed) => cancel(underWay, placed));
    await untilReserved(underWay);
    await restoreOld(system, 'order', backup);
    // Payment answers while the order service is away: what was cancelled is VOID there, the others are paid.
    await system.start('payment');

    const last = work.placed.at(-1) as Placed;
    await killWhileLocked(system, {
      ...{ service: 'order', env: recovering(from, 50), step: 'own events' },
      lock: (sql) =>
        sql.execute(
          `INSERT INTO shop_order.idempotency_key (user_id, scope, idem_key, request_hash, request_id, created_at)
           VALUES (?, 'POST /orders', ?, 'h', 'r', UTC_TIMESTAMP(3))`,
          [last.userId, last.options.key],
        ),
    });
    const completed = before.orders.filter(({ status }) => status === 'COMPLETED').at(-1)?.orderId ?? '';
    await killWhileLocked(system, {
      ...{ service: 'order', env: recovering(from, 50), step: 'open events' },
      lock: (sql) =>
        sql.execute(
          `INSERT INTO shop_order.processed_event (consumer_group, event_id, claim, processed_at)
           VALUES ('order', ?, 'c', UTC_TIMESTAMP(3))`,
          [deriveEventId(completed, 'payment-completed')],
        ),
    });
    await system.start('order', 1, recovering(from, 50));
    await untilDelivered();

    const after = await readOrder();
    const known = new Set(before.orders.map(({ orderId }) => orderId));
    expect(after.orders.filter(({ orderId }) => known.has(orderId))).toEqual(before.orders);
    expect(after.history.filter(({ orderId }) => known.has(orderId))).toEqual(before.history);
    const ends = underWay.placed.map(async ({ orderId, userId }) => (await api.settled(orderId, userId)).status);
    expect(await Promise.all(ends)).toEqual(underWay.placed.map((_, i) => (i < 5 ? 'CANCELLED' : 'COMPLETED')));
    await expectCleanAudit(system);
    expect((await recoveriesOf(system, 'order')).map(({ status }) => status)).toEqual(['FAILED', 'FAILED', 'DONE']);
  }, 300_000);

  it('when recovery runs again on a recovered schema, then nothing changes', async () => {
    await untilIdle(system);
    const before = await readOrder();
    await system.process('order').stop();
    await system.start('order', 1, recovering(earlier(from), 1_000));
    await untilDelivered();
    expect(await readOrder()).toEqual(before);
    await expectCleanAudit(system);
  }, 120_000);
});

interface Placed {
  readonly orderId: string;
  readonly userId: number;
  readonly lines: Lines;
  readonly options: { readonly key: string; readonly couponId?: string; readonly expectedTotal?: number };
}

/** What clients did, with the keys of their requests. */
interface Work {
  readonly placed: Placed[];
  readonly cancelled: { readonly orderId: string; readonly userId: number; readonly key: string }[];
}

type Wish = Omit<Placed, 'orderId'>;

/** Places orders of every kind. Some are cancelled at once, others when they have completed. */
async function order(work: Work, count: number): Promise<void> {
  const first = work.placed.length;
  await inTurns(Array.from({ length: count }), async (_, i) => {
    const placed = await place(work, wishOf(first + i));
    if (i % 11 === 0) await cancel(work, placed);
    else if (i % 9 === 0 && (await api.settled(placed.orderId, placed.userId)).status === 'COMPLETED')
      await cancel(work, placed);
  });
}

/** Of ten orders six are usual; the others: too few points, a coupon (each tried twice), few pieces, an old price. */
function wishOf(n: number): Wish {
  const usual = { userId: rich[n % rich.length] as number, lines: [[plenty, 1 + (n % 3)]] as Lines };
  const options = { key: randomUUID() };
  const coupon = coupons[Math.floor(n / 10) % coupons.length] as (typeof coupons)[number];
  switch (n % 10) {
    case 3:
      return { ...usual, userId: poor, options };
    case 5:
      return { ...usual, userId: coupon.userId, options: { ...options, couponId: coupon.couponId } };
    case 7:
      return { ...usual, lines: [[scarce, 1]], options };
    case 8:
      return { ...usual, options: { ...options, expectedTotal: 1 } };
    default:
      return { ...usual, options };
  }
}

async function place(work: Work, wish: Wish): Promise<Placed> {
  const answer = await api.placeOrder<OrderAnswer>(wish.userId, wish.lines, wish.options);
  const placed = { ...wish, orderId: expectStatus(answer, 202).body.orderId };
  work.placed.push(placed);
  return placed;
}

/** Cancels an order that may have been refused meanwhile: then nothing is done, and the key is not kept. */
async function cancel(work: Work, { orderId, userId }: Placed): Promise<void> {
  const key = randomUUID();
  const { status } = await api.cancel(orderId, userId, key);
  if (status === 202) work.cancelled.push({ orderId, userId, key });
  else expect(status).toBe(200);
}

async function issueCoupons(count: number) {
  const couponPolicyId = await api.newPolicy({ discountAmount: 50, totalQuantity: count });
  const issued: { userId: number; couponId: string }[] = [];
  await inTurns(Array.from({ length: count }), async () => {
    const userId = await api.newUser(10_000);
    const answer = await api.request<{ couponId: string }>('POST', '/coupons/issue', {
      body: { userId, couponPolicyId },
    });
    issued.push({ userId, couponId: expectStatus(answer, 200).body.couponId });
  });
  return issued;
}

/** The catalog has answered these orders, and the order service has sent all it says of them. */
async function untilReserved({ placed }: Work): Promise<void> {
  const ids = placed.map(({ orderId }) => `'${orderId}'`).join(',');
  await eventually('the catalog to have reserved the orders', async () => {
    const reserved = await rows(`SELECT 1 FROM shop_catalog.reservations WHERE order_id IN (${ids})`);
    return reserved.length === placed.length && (await rows('SELECT 1 FROM shop_order.outbox')).length === 0;
  });
}

/** The data platform's group gets what its inbox lacks by a replay, once the service runs. */
async function untilDelivered(): Promise<void> {
  const left = `SELECT 1 FROM shop_order.replay WHERE kind = 'REPLAY' AND status IN ('REQUESTED', 'RUNNING')`;
  await eventually('the replay to the data platform', async () => (await rows(left)).length === 0, {
    withinMs: 60_000,
  });
}

interface OrderRow {
  readonly orderId: string;
  readonly status: string;
  readonly reason: string | null;
}

interface StepRow {
  readonly orderId: string;
  readonly seq: number;
  readonly eventId: string;
  readonly type: string;
  readonly data: string;
}

/**
 * The rows of the order service, without generated numbers and times of writing. Steps after an order's own last event
 * come in any order: they came over several topics, and nothing tells how they were read.
 */
async function readOrder() {
  const history = await rows<StepRow>(
    `SELECT order_id AS orderId, seq, event_id AS eventId, type, data FROM shop_order.order_history ORDER BY order_id, seq`,
  );
  const steps = await rows<{ orderId: string; steps: string }>(
    'SELECT order_id AS orderId, steps FROM shop_order.orders',
  );
  const stepsOf = Map.groupBy(history, ({ orderId }) => orderId);
  expect(steps.map(({ orderId }) => (stepsOf.get(orderId) ?? []).map(({ type }) => type).join(','))).toEqual(
    steps.map((row) => row.steps),
  );
  return {
    orders: await rows<OrderRow>(
      `SELECT order_id AS orderId, user_id, coupon_id, status, reason, expected_total, total_amount, discount_amount,
              paid_amount, version, awaits_stock, traceparent, created_at, completed_at, refunded_at IS NULL
         FROM shop_order.orders ORDER BY order_id`,
    ),
    items: await rows('SELECT * FROM shop_order.order_items ORDER BY order_id, product_id'),
    history: [...stepsOf.values()].flatMap(withoutChance),
    keys: await rows(
      `SELECT user_id, scope, idem_key, request_hash, request_id FROM shop_order.idempotency_key
        ORDER BY user_id, scope, idem_key`,
    ),
    inbox: await rows(
      'SELECT consumer_group, event_id FROM shop_order.processed_event ORDER BY consumer_group, event_id',
    ),
    letters: await rows('SELECT * FROM shop_order.dead_letter'),
  };
}

function withoutChance(steps: readonly StepRow[]) {
  const last = steps.findLastIndex(({ type }) => type.startsWith('order-'));
  const plain = steps.map(({ data, ...step }) => ({ ...step, data: JSON.parse(data) as object }));
  const after = plain.slice(last + 1).map(({ seq, ...step }) => step);
  return [...plain.slice(0, last + 1), ...after.sort((a, b) => (a.type < b.type ? -1 : 1))];
}

function kindsOf({ orders }: { readonly orders: readonly OrderRow[] }) {
  return new Set(orders.map(({ status, reason }) => reason ?? status));
}

const readOthers = () => tablesOf(system, ['catalog', 'coupon', 'payment', 'ranking']);

/** How many events the data platform has, each once by its id. */
async function deliveries(): Promise<number> {
  const answer = await fetch(`${system.process('data-platform').url}/stats`);
  return ((await answer.json()) as { readonly events: number }).events;
}

const rows = <Row>(query: string): Promise<Row[]> => rowsOf(system, query);
