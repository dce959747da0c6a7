import { expect, it } from '@jest/globals';
import { createTally } from './tally.ts';

function tallyOf(buyers: number) {
  let now = 1_000;
  const tally = createTally(buyers, () => now);
  const after = (ms: number) => {
    now += ms;
  };
  return { tally, after };
}

it('when nothing has happened yet, then every count is 0 and no time is known', () => {
  expect(tallyOf(3).tally.counts()).toEqual({
    buyers: 3,
    ended: 0,
    coupons: { issued: 0, alreadyOwn: 0, soldOut: 0, failed: 0 },
    orders: { completed: 0, refused: {}, failed: 0, pending: 0 },
    failures: {},
    elapsedMs: 0,
    ordersPerSecond: 0,
    p95Ms: { coupon: null, order: null },
  });
});

it('when orders end, then they are no longer pending, and refusals are counted by their code', () => {
  const { tally } = tallyOf(5);
  for (let i = 0; i < 5; i++) tally.ordering();
  expect(tally.counts().orders.pending).toBe(5);
  tally.completed(10);
  tally.refused('OUT_OF_STOCK', 20);
  tally.refused('OUT_OF_STOCK', 20);
  tally.orderFailed('SERVICE_UNAVAILABLE');
  expect(tally.counts().orders).toEqual({ completed: 1, refused: { OUT_OF_STOCK: 2 }, failed: 1, pending: 1 });
  expect(tally.counts().failures).toEqual({ 'order SERVICE_UNAVAILABLE': 1 });
});

it('when a buyer gets no token, then neither coupon nor order is counted', () => {
  const { tally } = tallyOf(1);
  tally.shutOut('RATE_LIMITED');
  tally.buyerEnded();
  const { coupons, orders, failures, ended } = tally.counts();
  expect([coupons.failed, orders.failed, orders.pending, ended]).toEqual([1, 1, 0, 1]);
  expect(failures).toEqual({ 'token RATE_LIMITED': 1 });
});

it('when the last buyer has ended, then the time stands still and the rate is that of the rush', () => {
  const { tally, after } = tallyOf(2);
  for (const ms of [300, 700]) {
    after(500);
    tally.ordering();
    tally.completed(ms);
    tally.buyerEnded();
  }
  after(60_000);
  expect(tally.counts()).toMatchObject({ elapsedMs: 1_000, ordersPerSecond: 2, ended: 2 });
});

it('when there are a hundred answers, then p95 is the 95th, in whatever order they came', () => {
  const { tally } = tallyOf(100);
  for (let ms = 100; ms >= 1; ms--) tally.coupon('soldOut', ms);
  expect(tally.counts().p95Ms).toEqual({ coupon: 95, order: null });
});

it('when counts were read, then later events do not change them', () => {
  const { tally } = tallyOf(1);
  const before = tally.counts();
  tally.coupon('issued', 1);
  tally.couponFailed('X');
  expect(before.coupons).toEqual({ issued: 0, alreadyOwn: 0, soldOut: 0, failed: 0 });
  expect(before.failures).toEqual({});
});
