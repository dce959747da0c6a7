import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deriveEventId, type NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { type Api, nextUserId, type Page, type Problem } from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { type RunningService, runService, TRACEPARENT } from '../../../test/support/running-service.ts';

let payment: RunningService;
let api: Api;

beforeAll(async () => {
  payment = await runService('payment', 'payment-events');
  api = payment.api;
}, 120_000);
afterAll(() => payment?.stop());

interface Entry {
  id: number;
  type: string;
  amount: number;
  balanceAfter: number;
  orderId?: string;
  createdAt: string;
}

async function historyOf(userId: number, query: Record<string, string | number> = {}): Promise<Page<Entry>> {
  return (await api.request<Page<Entry>>('GET', '/points/history', { query: { userId, ...query } })).body;
}

async function statusOf(orderId: string): Promise<string | undefined> {
  const [row] = await payment.database.query<{ status: string }>('SELECT status FROM payments WHERE order_id = ?', [
    orderId,
  ]);
  return row?.status;
}

interface Order {
  orderId: string;
  userId: number;
}
const orderOf = (userId: number): Order => ({ orderId: uuidv7(), userId });

function stockReserved(of: Order, totalAmount: number, couponId: string | null = null): NewEvent {
  return { type: 'stock-reserved', data: { ...of, couponId, lines: [], totalAmount } };
}

function couponRedeemed(of: Order, totalAmount: number, discountAmount: number): NewEvent {
  const amounts = { totalAmount, discountAmount, payableAmount: totalAmount - discountAmount, redeemedAt: null };
  return { type: 'coupon-redeemed', data: { ...of, couponId: uuidv7(), ...amounts } };
}

function cancelled(of: Order): NewEvent {
  const rest = { couponId: null, reason: 'ORDER_CANCELLED', wasCompleted: false, completedAt: null, lines: [] };
  const untold = { steps: null, requestId: null, idempotencyKey: null, requestHash: null };
  return { type: 'order-cancelled', data: { ...of, ...rest, ...untold } };
}

const handled = (outcome: string) => payment.metric('events_handled_total', { group: 'payment', outcome });

describe('orders', () => {
  it('when stock is reserved and the order cancelled, then the points are taken and given back', async () => {
    const userId = await api.newUser(10_000);
    const it = orderOf(userId);
    const before = await handled('applied');

    const [cause] = await payment.publish(stockReserved(it, 3_000));
    const [taken] = await payment.hear(it.orderId);
    expect(taken?.type).toBe('payment-completed');
    expect(taken?.data).toEqual({ ...it, paidAmount: 3_000, discountAmount: 0, balanceAfter: 7_000 });
    expect(taken?.headers).toMatchObject({
      ce_id: deriveEventId(it.orderId, 'payment-completed'),
      ce_source: 'payment',
      ce_causationid: cause,
    });
    expect(taken?.headers.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
    expect(await api.balance(userId)).toBe(7_000);
    expect(await statusOf(it.orderId)).toBe('COMPLETED');

    await payment.publish(cancelled(it));
    const [, refunded] = await payment.hear(it.orderId, 2);
    expect(refunded?.type).toBe('payment-refunded');
    expect(refunded?.data).toEqual({ ...it, amount: 3_000, balanceAfter: 10_000 });
    expect(await api.balance(userId)).toBe(10_000);
    expect(await statusOf(it.orderId)).toBe('REFUNDED');

    const { items } = await historyOf(userId);
    expect(items.map((entry) => [entry.type, entry.amount, entry.balanceAfter, entry.orderId])).toEqual([
      ['REFUND', 3_000, 10_000, it.orderId],
      ['USE', 3_000, 7_000, it.orderId],
      ['CHARGE', 10_000, 10_000, undefined],
    ]);
    expect(await handled('applied')).toBe(before + 2);
  });

  it('when the points do not suffice, then nothing is taken and both amounts are published', async () => {
    const userId = await api.newUser(2_999);
    const it = orderOf(userId);
    await payment.publish(stockReserved(it, 3_000));
    const [failed] = await payment.hear(it.orderId);
    expect(failed?.type).toBe('payment-failed');
    expect(failed?.data).toEqual({ ...it, reason: 'INSUFFICIENT_BALANCE', payableAmount: 3_000, balance: 2_999 });
    expect(await api.balance(userId)).toBe(2_999);
    expect(await statusOf(it.orderId)).toBe('FAILED');
  });

  it('when the order names a coupon, then it is paid once the coupon is redeemed, and the paid points come back', async () => {
    const userId = await api.newUser(10_000);
    const it = orderOf(userId);
    const skipped = await handled('skipped');
    await payment.publish(stockReserved(it, 3_000, uuidv7()));
    await eventually('the stock-reserved', async () => (await handled('skipped')) === skipped + 1);
    expect(await statusOf(it.orderId)).toBeUndefined();

    await payment.publish(couponRedeemed(it, 3_000, 1_200));
    const [taken] = await payment.hear(it.orderId);
    expect(taken?.type).toBe('payment-completed');
    expect(taken?.data).toEqual({ ...it, paidAmount: 1_800, discountAmount: 1_200, balanceAfter: 8_200 });
    await payment.publish(cancelled(it));
    const [, refunded] = await payment.hear(it.orderId, 2);
    expect(refunded?.data).toEqual({ ...it, amount: 1_800, balanceAfter: 10_000 });
    expect(await api.balance(userId)).toBe(10_000);
  });

  it('when the cancellation comes first, then nothing is taken', async () => {
    const userId = await api.newUser(10_000);
    const it = orderOf(userId);
    await payment.publish(cancelled(it));
    await eventually('the void', async () => (await statusOf(it.orderId)) === 'VOID');
    const before = await handled('applied');
    await payment.publish(stockReserved(it, 3_000));
    await eventually('the late stock-reserved', async () => (await handled('applied')) === before + 1);
    expect(await statusOf(it.orderId)).toBe('VOID');
    expect(await api.balance(userId)).toBe(10_000);
    expect(payment.heard.filter((event) => event.key === it.orderId)).toEqual([]);
  });

  it('when events come again, then points are taken once and given back once', async () => {
    const userId = await api.newUser(10_000);
    const it = orderOf(userId);
    const before = await handled('duplicate');
    await payment.publish(stockReserved(it, 3_000), stockReserved(it, 3_000));
    await payment.hear(it.orderId);
    await payment.publish(cancelled(it), cancelled(it), stockReserved(it, 3_000));
    await eventually('the duplicates', async () => (await handled('duplicate')) === before + 3);
    expect(await payment.hear(it.orderId, 2)).toHaveLength(2);
    expect((await historyOf(userId)).items).toHaveLength(3);
    expect(await api.balance(userId)).toBe(10_000);
  });

  it('when one user pays for fifty orders at once, then those that fit are paid', async () => {
    const userId = await api.newUser(2_000);
    const orders = Array.from({ length: 50 }, () => orderOf(userId));
    await payment.publish(...orders.map((it) => stockReserved(it, 100)));
    const answers = await Promise.all(orders.map((it) => payment.hear(it.orderId)));
    expect(answers.filter(([event]) => event?.type === 'payment-completed')).toHaveLength(20);
    expect(await api.balance(userId)).toBe(0);
  });
});

describe('charges', () => {
  it('when points are charged, then they are shown, recorded, published and counted', async () => {
    const userId = nextUserId();
    const labels = { route: '/points/charge', status: '200' };
    const before = await payment.metric('http_request_duration_seconds_count', labels);
    expect(await api.balance(userId)).toBe(0);
    const key = uuidv7();
    const answer = await api.request('POST', '/points/charge', {
      body: { userId, amount: 5_000 },
      headers: { 'idempotency-key': key, traceparent: TRACEPARENT },
    });
    expect(answer).toMatchObject({ status: 200, body: { userId, balance: 5_000 } });
    expect(await api.balance(userId)).toBe(5_000);

    const [event] = await payment.hear(userId);
    expect(event?.type).toBe('points-charged');
    expect(event?.data).toMatchObject({ userId, amount: 5_000, balanceAfter: 5_000, idempotencyKey: key });
    expect(event?.headers.ce_id).toBe(event?.data.requestId);
    expect(event?.headers.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
    const [row] = await payment.database.query<{ requestId: string }>(
      'SELECT request_id AS requestId FROM point_history WHERE user_id = ?',
      [userId],
    );
    expect(row?.requestId).toBe(event?.data.requestId);
    expect(await payment.metric('http_request_duration_seconds_count', labels)).toBe(before + 1);
  });

  it('when ten charges of one account come at once, then they add up', async () => {
    const userId = nextUserId();
    const answers = await Promise.all(Array.from({ length: 10 }, () => api.charge(userId, 100)));
    expect(answers.map((it) => it.status)).toEqual(Array(10).fill(200));
    expect(Math.max(...answers.map((it) => Number(it.body.balance)))).toBe(1_000);
    expect(await api.balance(userId)).toBe(1_000);
    expect(await payment.hear(userId, 10)).toHaveLength(10);
  });

  it('when a key is sent twenty times at once, then there is one charge', async () => {
    const userId = nextUserId();
    const key = uuidv7();
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.charge(userId, 100, key)));
    expect(answers.map((it) => [it.status, it.body.balance])).toEqual(Array(20).fill([200, 100]));
    expect(answers.filter((it) => it.headers.get('idempotency-replayed') === 'true')).toHaveLength(19);
    expect(await api.charge(userId, 101, key)).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
    expect(await api.balance(userId)).toBe(100);
  });

  it('when the balance would be over its limit, then the charge is refused and a refund is not', async () => {
    const userId = nextUserId();
    for (let n = 0; n < 100; n++) await api.charge(userId, 10_000_000);
    expect(await api.charge(userId, 1)).toMatchObject({ status: 400, body: { code: 'BALANCE_LIMIT_EXCEEDED' } });
    const it = orderOf(userId);
    await payment.publish(stockReserved(it, 500));
    await payment.hear(it.orderId);
    expect((await api.charge(userId, 500)).body.balance).toBe(1_000_000_000);
    await payment.publish(cancelled(it));
    await payment.hear(it.orderId, 2);
    expect(await api.balance(userId)).toBe(1_000_000_500);
  });

  it('when the history is read page by page, then every entry comes once, newest first', async () => {
    const userId = nextUserId();
    for (const amount of [1, 2, 3, 4, 5]) await api.charge(userId, amount);
    const first = await historyOf(userId, { limit: 2 });
    const second = await historyOf(userId, { limit: 2, cursor: first.nextCursor ?? '' });
    const last = await historyOf(userId, { limit: 2, cursor: second.nextCursor ?? '' });
    const amounts = [first, second, last].flatMap((page) => page.items.map((entry) => entry.amount));
    expect(amounts).toEqual([5, 4, 3, 2, 1]);
    expect(last.nextCursor).toBeNull();
    expect(new Date(first.items[0]?.createdAt ?? '').getTime()).toBeGreaterThan(Date.now() - 60_000);
  });

  const userId = nextUserId();
  const refused: [string, string, unknown, number, string][] = [
    ['POST', '/points/charge', { userId, amount: 0 }, 400, 'INVALID_CHARGE_AMOUNT'],
    ['POST', '/points/charge', { userId, amount: -1 }, 400, 'INVALID_CHARGE_AMOUNT'],
    ['POST', '/points/charge', { userId, amount: 0.5 }, 400, 'INVALID_CHARGE_AMOUNT'],
    ['POST', '/points/charge', { userId, amount: 10_000_001 }, 400, 'INVALID_CHARGE_AMOUNT'],
    ['POST', '/points/charge', { userId, amount: 1e300 }, 400, 'INVALID_CHARGE_AMOUNT'],
    ['POST', '/points/charge', { userId, amount: '100' }, 400, 'VALIDATION_FAILED'],
    ['POST', '/points/charge', { userId }, 400, 'VALIDATION_FAILED'],
    ['POST', '/points/charge', { userId, amount: 1, note: 'x' }, 400, 'VALIDATION_FAILED'],
    ['POST', '/points/charge', { amount: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/points/charge', { userId: 0, amount: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/points/charge', { userId: 'abc', amount: 1 }, 400, 'VALIDATION_FAILED'],
    ['POST', '/points/charge', [], 400, 'VALIDATION_FAILED'],
    ['GET', '/points', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', '/points?userId=-5', undefined, 400, 'VALIDATION_FAILED'],
    ['GET', `/points/history?userId=${userId}&limit=0`, undefined, 400, 'VALIDATION_FAILED'],
    ['GET', `/points/history?userId=${userId}&cursor=zzz`, undefined, 400, 'VALIDATION_FAILED'],
  ];
  for (const [method, path, body, status, code] of refused) {
    const request = `${method} ${path} ${JSON.stringify(body) ?? ''}`.replaceAll(String(userId), '1');
    it(`when ${request} comes, then ${code}`, async () => {
      const answer = await api.request<Problem>(method, path, { body });
      expect(answer).toMatchObject({ status, body: { status, code } });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await api.balance(userId)).toBe(0);
    });
  }

  it('when the key is too long, then nothing is charged', async () => {
    const answer = await api.charge(userId, 1, 'k'.repeat(256));
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    expect(await api.balance(userId)).toBe(0);
  });
});
