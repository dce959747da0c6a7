import { describe, expect, it } from '@jest/globals';
import { decide, pauseMs } from './wishes.ts';

const answered = (status: number, body: object = {}, retryAfterSeconds?: number) => ({
  kind: 'answered' as const,
  answer: { status, body: JSON.stringify(body), retryAfterSeconds, closes: false },
});

describe('a patient client', () => {
  it.each([
    ['coupon', answered(200, { couponId: 'c' }), 'issued'],
    ['coupon', answered(409, { code: 'COUPON_SOLD_OUT' }), 'sold out'],
    ['coupon', answered(404, { code: 'COUPON_POLICY_NOT_FOUND' }), '404 COUPON_POLICY_NOT_FOUND'],
    ['order', answered(201, { status: 'COMPLETED' }), 'completed'],
    ['order', answered(200, { status: 'COMPLETED', orderId: 'o' }), 'completed'],
    ['order', answered(409, { code: 'OUT_OF_STOCK', order: { status: 'CANCELLED' } }), 'out of stock'],
    ['order', answered(200, { status: 'CANCELLED', reason: 'OUT_OF_STOCK' }), 'out of stock'],
    ['order', answered(200, { status: 'CANCELLED' }), '200 CANCELLED'],
    ['order', answered(402, { code: 'INSUFFICIENT_BALANCE' }), '402 INSUFFICIENT_BALANCE'],
  ] as const)('when a client wants a %s, then it knows how its wish ended', (wish, outcome, end) => {
    expect(decide(wish, outcome)).toEqual({ kind: 'final', end });
  });

  it('when a client is refused, then it comes back after the stated time, with the same key', () => {
    for (const status of [503, 429])
      expect(decide('order', answered(status, { code: 'SERVICE_UNAVAILABLE' }, 7))).toEqual({
        kind: 'again',
        afterSeconds: 7,
        fresh: false,
        why: 'refused',
      });
    expect(decide('coupon', answered(503))).toMatchObject({ kind: 'again', afterSeconds: 1 });
  });

  it('when a connection is lost or silent, then the client comes back', () => {
    for (const kind of ['gone', 'cut', 'unconnected'] as const)
      expect(decide('coupon', { kind })).toEqual({ kind: 'again', afterSeconds: 1, fresh: false, why: kind });
  });

  it('when an order ended by its deadline, then the client starts again with a new key', () => {
    const again = { kind: 'again', fresh: true, why: 'deadline' };
    expect(decide('order', answered(503, { code: 'ORDER_DEADLINE_EXCEEDED' }, 2))).toMatchObject(again);
    expect(decide('order', answered(200, { status: 'CANCELLED', reason: 'ORDER_DEADLINE_EXCEEDED' }))).toMatchObject(
      again,
    );
  });

  it('when an order has not ended, then the client follows it', () => {
    const follow = { kind: 'follow', orderId: 'o' };
    expect(decide('order', answered(202, { orderId: 'o', status: 'PENDING' }))).toEqual(follow);
    expect(decide('order', answered(200, { orderId: 'o', status: 'PENDING' }))).toEqual(follow);
  });

  it('when a client is told to stay away, then it does so, plus up to a second of its own', () => {
    expect(pauseMs(3, () => 0)).toBe(3_000);
    expect(pauseMs(3, () => 0.999)).toBeCloseTo(3_999);
  });
});
