import { describe, expect, it } from '@jest/globals';
import { firstIdAt } from '../../ops/src/audit/check.ts';
import { buy } from './buyer.ts';
import type { ShopRequest } from './gateway.ts';
import type { PatientAnswer } from './patience.ts';
import { createTally } from './tally.ts';

const STARTED = Date.UTC(2026, 0, 1);
const WANTED = { rushId: 'r', productId: 7, couponPolicyId: 3, quantity: 2, startedAt: STARTED };
const idOf = (time: number) => firstIdAt(new Date(time));

const reply = (status: number, body: Record<string, unknown> = {}, attempts = 1): PatientAnswer => ({
  answer: { status, body, retryAfter: undefined },
  attempts,
});
const NOBODY: PatientAnswer = { answer: undefined, attempts: 6 };
const TOKEN = reply(200, { token: 't' });
const COUPON = reply(200, { couponId: 'c', status: 'ISSUED', alreadyIssued: false });
const COMPLETED = reply(201, { orderId: 'o', status: 'COMPLETED' });

/** A buyer whose requests get these answers, in turn. */
async function buyer(...answers: PatientAnswer[]) {
  const sent: ShopRequest[] = [];
  const tally = createTally(1, () => 0);
  await buy(WANTED, 5, {
    tally,
    clock: () => 0,
    pause: async () => undefined,
    ask: async (request) => {
      sent.push(request);
      const next = answers[sent.length - 1];
      if (!next) throw new Error(`an unexpected request: ${request.method} ${request.path}`);
      return next;
    },
  });
  return { sent, counts: tally.counts() };
}

describe('a buyer', () => {
  it('when all goes well, then a buyer asks for token, coupon and order, with the coupon and a key for each wish', async () => {
    const { sent, counts } = await buyer(TOKEN, COUPON, COMPLETED);
    expect(sent).toEqual([
      { method: 'POST', path: '/auth/demo-token', body: { userId: 5 } },
      {
        method: 'POST',
        path: '/coupons/issue',
        token: 't',
        key: 'r-coupon-5',
        body: { userId: 5, couponPolicyId: 3 },
      },
      {
        method: 'POST',
        path: '/orders',
        token: 't',
        key: 'r-order-5',
        wait: 10,
        body: { userId: 5, items: [{ productId: 7, quantity: 2 }], couponId: 'c' },
      },
    ]);
    expect(counts).toMatchObject({ ended: 1, coupons: { issued: 1 }, orders: { completed: 1, pending: 0 } });
  });

  it('when the coupons are gone, then a buyer orders without one', async () => {
    const { sent, counts } = await buyer(TOKEN, reply(409, { code: 'COUPON_SOLD_OUT' }), COMPLETED);
    expect(sent[2]?.body).toEqual({ userId: 5, items: [{ productId: 7, quantity: 2 }] });
    expect(counts.coupons).toEqual({ issued: 0, alreadyOwn: 0, soldOut: 1, failed: 0 });
  });

  it('when there are no demo tokens, then a buyer acts without one', async () => {
    const { sent } = await buyer(reply(404), COUPON, COMPLETED);
    expect(sent.map((request) => request.token)).toEqual([undefined, undefined, undefined]);
  });

  it('when the token is refused, then a buyer asks for nothing more', async () => {
    const { sent, counts } = await buyer(reply(429, { code: 'RATE_LIMITED' }));
    expect(sent).toHaveLength(1);
    expect(counts).toMatchObject({ ended: 1, failures: { 'token RATE_LIMITED': 1 } });
  });

  it.each([
    ['it has one from before', 1, STARTED - 1, 'alreadyOwn'],
    ['a first attempt got it without an answer', 2, STARTED + 5, 'issued'],
    ['it was asked again, but has one from before', 2, STARTED - 1, 'alreadyOwn'],
  ] as const)(
    'when the coupon is already its own because %s, then it counts as such',
    async (_, attempts, at, kind) => {
      const coupon = { couponId: idOf(at), status: 'ISSUED', alreadyIssued: true };
      const { counts, sent } = await buyer(TOKEN, reply(200, coupon, attempts), COMPLETED);
      expect(counts.coupons[kind]).toBe(1);
      expect(sent[2]?.body).toMatchObject({ couponId: idOf(at) });
    },
  );

  it('when the coupon is used already, then a buyer orders without it', async () => {
    const used = reply(200, { couponId: idOf(0), status: 'USED', alreadyIssued: true });
    const { sent } = await buyer(TOKEN, used, COMPLETED);
    expect(sent[2]?.body).not.toHaveProperty('couponId');
  });

  it.each([
    [reply(409, { code: 'OUT_OF_STOCK', orderId: 'o' }), 'OUT_OF_STOCK'],
    [reply(402, { code: 'INSUFFICIENT_BALANCE', orderId: 'o' }), 'INSUFFICIENT_BALANCE'],
    [reply(503, { code: 'ORDER_DEADLINE_EXCEEDED', orderId: 'o' }), 'ORDER_DEADLINE_EXCEEDED'],
  ])('when an order ends otherwise, then it is refused by that code', async (end, code) => {
    expect((await buyer(TOKEN, COUPON, end)).counts.orders).toMatchObject({ refused: { [code]: 1 }, failed: 0 });
  });

  it.each([
    [NOBODY, 'order NO_ANSWER'],
    [reply(503, { code: 'SERVICE_UNAVAILABLE' }), 'order SERVICE_UNAVAILABLE'],
    [reply(400, { code: 'VALIDATION_FAILED' }), 'order VALIDATION_FAILED'],
    [reply(502), 'order HTTP_502'],
  ])('when nothing was decided about an order, then it failed', async (end, failure) => {
    const { counts } = await buyer(TOKEN, COUPON, end);
    expect(counts).toMatchObject({ orders: { failed: 1, refused: {}, pending: 0 }, failures: { [failure]: 1 } });
  });

  it('when the order is pending after the wait, then a buyer looks again until the end', async () => {
    const pending = reply(202, { orderId: 'o', status: 'PENDING' });
    const ended = reply(200, { orderId: 'o', status: 'CANCELLED', reason: 'OUT_OF_STOCK' });
    const { sent, counts } = await buyer(TOKEN, COUPON, pending, pending, ended);
    expect(sent.slice(3)).toEqual(Array(2).fill({ method: 'GET', path: '/orders/o?userId=5', token: 't', wait: 10 }));
    expect(counts.orders).toMatchObject({ refused: { OUT_OF_STOCK: 1 }, pending: 0 });
  });

  it('when the order was accepted and cannot be read, then it stays pending', async () => {
    const { counts } = await buyer(TOKEN, COUPON, reply(202, { orderId: 'o', status: 'PENDING' }), NOBODY);
    expect(counts.orders).toMatchObject({ pending: 1, failed: 0 });
  });
});
