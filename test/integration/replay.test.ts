import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectStatus } from '../support/api.ts';
import { expectCleanAudit, untilIdle } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { expectOps } from '../support/ops.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

const ORDERS = 30;

let system: System;
let userId: number;
let orderIds: string[];

beforeAll(async () => {
  system = await startSystem();
  const { api } = system;
  userId = await api.newUser(100_000);
  const productId = await api.newProduct(100, 1_000);
  const place = async () => expectStatus(await api.placeOrder(userId, [[productId, 1]]), 202).body.orderId;
  orderIds = await Promise.all(Array.from({ length: ORDERS }, place));
  await Promise.all(orderIds.map((orderId) => api.settled(orderId, userId)));
  await Promise.all(orderIds.slice(0, 5).map((orderId) => api.cancel(orderId, userId)));
  await untilIdle(system);
}, 120_000);

afterAll(() => system?.stop(), 30_000);

interface Row {
  readonly ref: string;
  readonly status: string;
  readonly applied: number;
  readonly duplicate: number;
  readonly reason: string;
}

const HEARD = ORDERS + 5;
const ops = (args: readonly string[], code = 0) => expectOps(system.stack, ['replay', ...args], code);
const toPayment = ['--group', 'payment', '--from', '1h'];
const execute = (reason: string, ...more: string[]) => [
  ...toPayment,
  ...more,
  '--execute',
  '--reason',
  reason,
  '--json',
];
const resultOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout) as Row;

describe('a replay into a live group', () => {
  it('when a replay is planned, then it shows the extent and changes nothing', async () => {
    const before = await readPayment();
    const { stdout, stderr } = await ops(toPayment);
    expect(stdout).toContain(`${HEARD} messages to payment: 0 new to its inbox, ${HEARD} applied before`);
    expect(stdout).toMatch(new RegExp(`catalog-events +stock-reserved +${ORDERS}`));
    expect(stderr).toContain('Nothing was changed');
    expect(await replays()).toEqual([]);
    expect(await readPayment()).toEqual(before);
  });

  it('when all of it was applied before, then a replay changes nothing', async () => {
    const before = await readPayment();
    const done = resultOf(await ops(execute('a drill')));
    expect(done).toMatchObject({ status: 'DONE', applied: 0, duplicate: HEARD, reason: 'a drill' });
    expect(await readPayment()).toEqual(before);
    await expectCleanAudit(system);
  });

  it('when a handler was wrong for some orders, then a replay applies them again, exactly once', async () => {
    const before = await readPayment();
    const wronged = orderIds.slice(10, 13);
    await forget(wronged);
    expect(await readPayment()).not.toEqual(before);
    // First one order alone, then all.
    const one = ['--topic', 'catalog-events', '--type', 'stock-reserved', '--key', String(wronged[0])];
    expect(resultOf(await ops(execute('one order', ...one)))).toMatchObject({
      status: 'DONE',
      applied: 1,
      duplicate: 0,
    });
    expect(resultOf(await ops(execute('the others')))).toMatchObject({ applied: 2, duplicate: HEARD - 2 });
    expect(await readPayment()).toEqual(before);
    await expectCleanAudit(system);
  });

  it('when the service is killed during a replay, then its next start continues after the finished part', async () => {
    await forget(orderIds.slice(13, 16));
    const running = ops(execute('killed', '--rate', '8'));
    await eventually(
      'a part of it',
      async () => (await replays()).some((it) => it.status === 'RUNNING' && it.done >= 5),
      { withinMs: 60_000 },
    );
    await system.process('payment').kill9();
    const [before] = (await replays()).filter((it) => it.status === 'RUNNING');
    expect(before?.done).toBeLessThan(HEARD);
    await system.start('payment');
    // No order is applied twice: finished work is not repeated, and the rest is done.
    const end = resultOf(await running);
    expect(end).toMatchObject({ status: 'DONE', applied: 3, duplicate: HEARD - 3 });
    await expectCleanAudit(system);
  });

  it('when a replay is cancelled, then it stops where it is and stays in the history', async () => {
    const wronged = orderIds.slice(5);
    await forget(wronged);
    const asked = await ops(execute('too slow', '--rate', '1', '--wait', '0'), 1);
    const { ref } = resultOf(asked);
    await eventually(
      'a part of it',
      async () => (await replays()).some((it) => it.status === 'RUNNING' && it.done > 0),
      {
        withinMs: 60_000,
      },
    );
    expect((await ops(['--cancel', ref])).stdout).toContain('CANCELLED');
    const then = await replays();
    // The same replayer takes the next replay once it has left the cancelled one, and applies the rest.
    const next = resultOf(await ops(execute('after it')));
    expect(next.applied).toBeGreaterThan(0);
    expect((await replays()).slice(0, -1)).toEqual(then);
    expect((await ops(['--cancel', ref], 1)).stderr).toContain('nothing to cancel');
    expect((await ops(['--list'])).stdout).toMatch(/CANCELLED.*too slow/);
    await expectCleanAudit(system);
  });
});

describe('an impossible replay', () => {
  it('when a replay is impossible, then it says why, and requests nothing', async () => {
    const before = await replays();
    expect((await ops([...toPayment, '--force'], 2)).stderr).toContain('--force is refused for payment');
    expect((await ops([...toPayment, '--execute'], 2)).stderr).toContain('wants a --reason');
    expect((await ops(['--recover', 'shipping', '--from', '1h'], 2)).stderr).toContain('cannot be brought forward');
    const empty = await ops([...toPayment, '--key', 'nobody', '--execute', '--reason', 'empty']);
    expect(empty.stdout).toContain('nothing to replay');
    expect(await replays()).toEqual(before);
  });
});

/** Undoes what payment did for orders, as if its handler had done nothing. */
async function forget(orders: readonly string[]): Promise<void> {
  const sql = await connectRoot(system.stack);
  try {
    const list = [...orders];
    await sql.execute('DELETE FROM shop_payment.payments WHERE order_id IN (?)', [list]);
    await sql.execute('DELETE FROM shop_payment.point_history WHERE order_id IN (?)', [list]);
    await sql.execute('UPDATE shop_payment.accounts SET balance = balance + ? WHERE user_id = ?', [
      orders.length * 100,
      userId,
    ]);
    // The ids of an order's events begin with its time, so no other event of these users is in the range.
    const heard = await sql.query<{ id: string }>(
      'SELECT event_id AS id FROM shop_order.order_history WHERE type = ? AND order_id IN (?)',
      ['stock-reserved', list],
    );
    expect(heard.length).toBe(orders.length);
    await sql.execute('DELETE FROM shop_payment.processed_event WHERE event_id IN (?)', [heard.map((row) => row.id)]);
  } finally {
    await sql.close();
  }
}

/** Payment's rows; a history's numbers and balances differ where a payment came later. */
async function readPayment() {
  return {
    accounts: await rows('SELECT user_id, balance FROM shop_payment.accounts ORDER BY user_id'),
    history: await rows(
      'SELECT user_id, type, amount, order_id, request_id FROM shop_payment.point_history ORDER BY user_id, type, order_id, request_id',
    ),
    payments: await rows('SELECT order_id, user_id, status, paid_amount FROM shop_payment.payments ORDER BY order_id'),
    inbox: await rows('SELECT event_id FROM shop_payment.processed_event ORDER BY event_id'),
  };
}

const replays = () =>
  rows<{ id: number; status: string; done: number }>(
    'SELECT id, status, applied + duplicate AS done FROM shop_payment.replay ORDER BY id',
  );

async function rows<Row>(query: string): Promise<Row[]> {
  const sql = await connectRoot(system.stack);
  try {
    return [...(await sql.query<Row>(query))];
  } finally {
    await sql.close();
  }
}
