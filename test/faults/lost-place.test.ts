import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { cutLog, forgetOffsets } from '../support/log.ts';
import { readMetric } from '../support/metrics.ts';
import { expectOps, startOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const PRICE = 100;
const POINTS = 100_000;

let system: System;
let api: System['api'];
let productId: number;

beforeAll(async () => {
  // Orders wait for payment while it is halted, and must not be cancelled meanwhile.
  system = await startSystem({ env: { ORDER_DEADLINE_MS: '300000' } });
  api = system.api;
  productId = await api.newProduct(PRICE, 10_000);
}, 120_000);

afterAll(() => system?.stop(), 60_000);

const ops = (args: readonly string[], code = 0) => expectOps(system.stack, args, code);
const republish = ['republish', '--execute', '--reason', 'a drill'];
const place = async (userId: number) => expectStatus(await api.placeOrder(userId, [[productId, 1]]), 202).body.orderId;
const many = <T>(count: number, one: () => Promise<T>) => Promise.all(Array.from({ length: count }, one));

async function completed(userId: number, count: number): Promise<string[]> {
  const orderIds = await many(count, () => place(userId));
  for (const orderId of orderIds) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
  return orderIds;
}

async function cancel(orderIds: readonly string[], userId: number): Promise<void> {
  for (const orderId of orderIds) expect([200, 202]).toContain((await api.cancel(orderId, userId)).status);
}

describe('payment, whose committed offsets the log no longer holds', () => {
  let userId: number;
  let refunded: string[];
  let open: string[];
  let voided: string[];
  /** Their reservations are gone from the log, their cancellations are not. */
  let later: string[];

  beforeAll(async () => {
    userId = await api.newUser(POINTS);
    refunded = await completed(userId, 5);
    await untilIdle(system);
    await system.process('payment').stop();
    await cancel(refunded, userId);
    [open, voided, later] = await Promise.all([
      many(5, () => place(userId)),
      many(2, () => place(userId)),
      many(3, () => place(userId)),
    ]);
    await reserved([...open, ...voided, ...later]);
    await cancel(voided, userId);
    await untilOthersHaveRead('payment');
    await cutLog(system.stack, ['order-events', 'catalog-events', 'coupon-events']);
    await cancel(later, userId);
    await untilOthersHaveRead('payment');
    startHalted('payment');
  }, 120_000);

  it('when it is started, then it halts, and status, doctor and its measure say so', async () => {
    const { url } = system.process('payment');
    await eventually(
      'the halt',
      async () => (await readMetric(url, 'events_group_halted', { group: 'payment' })) === 1,
    );
    const status = await ops(['status'], 3);
    expect(status.stdout).toMatch(
      /! group payment at \S+ has halted, its place in the log is gone: npm run ops -- republish/,
    );
    expect(status.stdout).toMatch(/! group payment cannot go on at catalog-events\/\d: committed \d+, the log holds/);
    // Of all that payment has not read, the log holds the last cancellations only.
    expect(status.stdout).toMatch(new RegExp(`payment +${later.length}\n`));
    const doctor = await ops(['doctor'], 3);
    expect(doctor.stdout).toMatch(/WRONG +group payment +the log no longer holds its place/);
    expect(doctor.stdout).toContain('group payment: npm run ops -- republish');
  });

  it('when a republish is planned, then it shows what payment missed, and changes nothing', async () => {
    const { stdout, stderr } = await ops(['republish'], 3);
    expect(stdout).toContain('payment missed 17 events');
    expect(stdout).toMatch(/stock-reserved +10 /);
    expect(stdout).toMatch(/order-cancelled +7 /);
    expect(stderr).toContain('Nothing was changed');
    expect(await letters()).toEqual([]);
    expect((await ops(['republish', '--execute'], 2)).stderr).toContain('wants a --reason');
  });

  it('when it is carried out, then payment goes on, nothing is lost, and each order has its events in order', async () => {
    await ops(republish);
    await system.process('payment').ready();
    for (const orderId of open) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    await expectCleanAudit(system);
    const states = await paymentsOf([...refunded, ...open, ...later]);
    // The cancellation waited for the reservation, which was missed: else the payment would be VOID.
    expect(states).toEqual([
      ...refunded.map(() => 'REFUNDED'),
      ...open.map(() => 'COMPLETED'),
      ...later.map(() => 'REFUNDED'),
    ]);
    expect(await api.balance(userId)).toBe(POINTS - open.length * PRICE);
    expect(new Set((await letters()).map(({ status }) => status))).toEqual(new Set(['REDRIVEN']));
    expect((await ops(['republish'])).stdout).toContain('every group has its place in the log');
    expect((await ops(['republish', '--group', 'payment'])).stdout).toContain('payment missed nothing');
    await ops(['status']);
  });
});

describe('payment, whose offsets are gone although it is no new group', () => {
  let userId: number;
  let refunded: string[];

  beforeAll(async () => {
    userId = await api.newUser(POINTS);
    refunded = await completed(userId, 5);
    await untilIdle(system);
    await system.process('payment').stop();
    await cancel(refunded, userId);
    await untilOthersHaveRead('payment');
    await cutLog(system.stack, ['order-events']);
    await forgetOffsets(system.stack, 'payment');
  }, 120_000);

  it('when it is started, then it halts instead of skipping what is gone', async () => {
    startHalted('payment');
    await eventually('its process', () => system.process('payment').running());
    const { url } = system.process('payment');
    await eventually(
      'the halt',
      async () => (await readMetric(url, 'events_group_halted', { group: 'payment' })) === 1,
    );
    expect((await ops(['status'], 3)).stdout).toMatch(/order-events\/\d: no offset is committed/);
    await ops(republish);
    await system.process('payment').ready();
    await expectCleanAudit(system);
    expect(await paymentsOf(refunded)).toEqual(refunded.map(() => 'REFUNDED'));
    expect(await api.balance(userId)).toBe(POINTS);
  });
});

describe('catalog, whose place is gone while it does not run', () => {
  it('when the command is killed and repeated before catalog starts, then the events wait for it, each once', async () => {
    const userId = await api.newUser(POINTS);
    const sold = await completed(userId, 3);
    await untilIdle(system);
    await system.process('catalog').stop();
    await cancel(sold, userId);
    const placed = await many(4, () => place(userId));
    await untilOthersHaveRead('catalog');
    await cutLog(system.stack, ['order-events']);
    const dying = startOps(system.stack, [...republish, '--wait', '0']);
    const brought = () => rows('SELECT id FROM shop_catalog.dead_letter');
    await eventually('the letters', async () => (await brought()).length > 0, { everyMs: 5 });
    dying.kill9();
    await dying.ended;
    // It died before the group got its place, or just after: then the second finds nothing to do.
    const again = await startOps(system.stack, [...republish, '--group', 'catalog', '--wait', '0']).ended;
    expect(again.stdout).toContain('catalog missed nothing');
    expect(await brought()).toHaveLength(sold.length + placed.length);
    await system.start('catalog');
    for (const orderId of placed) expect((await api.settled(orderId, userId)).status).toBe('COMPLETED');
    await expectCleanAudit(system);
    expect(await api.balance(userId)).toBe(POINTS - placed.length * PRICE);
  });
});

/** Starts a service that is ready only once it is led on. */
function startHalted(service: 'payment'): void {
  system.start(service).catch(() => {});
}

/** Waits until these orders have their stock, and everything about them is on the log. */
async function reserved(orderIds: readonly string[]): Promise<void> {
  await eventually('the reservations', async () => {
    const [row] = await rows<{ n: number }>(
      'SELECT COUNT(*) AS n FROM shop_catalog.reservations WHERE order_id IN (?)',
      [orderIds],
    );
    return row?.n === orderIds.length;
  });
}

interface StatusJson {
  readonly groups: readonly { readonly group: string; readonly lag: number }[];
  readonly outboxes: readonly { readonly waiting: number }[];
}

/** Waits until everything is on the log and read by every group but this one. */
async function untilOthersHaveRead(group: string): Promise<void> {
  await eventually(
    'the other groups',
    async () => {
      const { groups, outboxes } = JSON.parse((await ops(['status', '--json'], 3)).stdout) as StatusJson;
      return outboxes.every((it) => it.waiting === 0) && groups.every((it) => it.group === group || it.lag === 0);
    },
    { withinMs: 60_000 },
  );
}

const letters = () => rows<{ status: string }>('SELECT status FROM shop_payment.dead_letter ORDER BY id');

/** The status of each order's payment. */
async function paymentsOf(orderIds: readonly string[]): Promise<(string | undefined)[]> {
  const found = await rows<{ orderId: string; status: string }>(
    'SELECT order_id AS orderId, status FROM shop_payment.payments WHERE order_id IN (?)',
    [orderIds],
  );
  const byId = new Map(found.map((row) => [row.orderId, row.status]));
  return orderIds.map((orderId) => byId.get(orderId));
}

async function rows<Row>(query: string, params: readonly (readonly string[])[] = []): Promise<Row[]> {
  const sql = await connectRoot(system.stack);
  try {
    return [...(await sql.query<Row>(query, params))];
  } finally {
    await sql.close();
  }
}
