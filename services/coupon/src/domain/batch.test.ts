import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../../test/simulation/random.ts';
import {
  cancelled,
  couponIdOf,
  EXPIRES,
  expired,
  issued,
  NOW,
  ORDER_ID,
  orderIdOf,
  redeemed,
  stockReserved,
  used,
  wonOff,
} from '../../test/examples.ts';
import { decideBatch, keysOf, type Snapshot } from './batch.ts';
import type { RedeemableCoupon, SagaEvent } from './redemption.ts';

const snapshotOf = (...coupons: RedeemableCoupon[]): Snapshot => ({
  redemptions: new Map(),
  coupons: new Map(coupons.map((it) => [it.couponId, it])),
});

/** The store's content after the changes. */
function saved(snapshot: Snapshot, { changes }: ReturnType<typeof decideBatch>): Snapshot {
  const redemptions = new Map(snapshot.redemptions);
  const coupons = new Map(snapshot.coupons);
  for (const it of changes.created) {
    if (redemptions.has(it.orderId)) throw new Error('a row was created twice');
    redemptions.set(it.orderId, it);
  }
  for (const it of changes.changed) {
    if (!redemptions.has(it.orderId)) throw new Error('a row was changed that is not there');
    redemptions.set(it.orderId, it);
  }
  for (const it of changes.coupons) {
    if (!coupons.has(it.couponId)) throw new Error('a coupon was written that is not there');
    coupons.set(it.couponId, it);
  }
  return { redemptions, coupons };
}

describe('a batch', () => {
  for (let seed = 1; seed <= 200; seed++) {
    it(`when decided at once, then a batch is as if decided one by one, and no coupon is used twice (seed ${seed})`, () => {
      const random = createRandom(seed);
      // The fifth coupon is unknown.
      const start = snapshotOf(
        ...[1, 2, 3, 4].map(
          (n): RedeemableCoupon => ({
            ...(random.chance(0.1) ? expired : issued),
            couponId: couponIdOf(n),
            userId: random.int(7, 8),
            discount: wonOff(random.int(1, 5_000)),
            expiresAt: random.chance(0.2) ? NOW : EXPIRES,
          }),
        ),
      );
      const events = randomEvents(random);
      let state = start;
      const steps = events.map((event) => {
        const decided = decideBatch(state, [event], NOW);
        state = saved(state, decided);
        return decided;
      });
      const batch = decideBatch(start, events, NOW);
      expect(batch.events).toEqual(steps.flatMap((step) => step.events));
      expect(saved(start, batch)).toEqual(state);

      const users = Map.groupBy(
        [...state.redemptions.values()].filter((it) => it.status === 'REDEEMED'),
        (it) => it.couponId,
      );
      for (const coupon of state.coupons.values()) {
        const orders = (users.get(coupon.couponId) ?? []).map((it) => it.orderId);
        expect(orders).toEqual(coupon.status === 'USED' ? [coupon.orderId] : []);
      }
    });
  }

  it('when two orders name the same coupon, then the first uses it and it is written once', () => {
    const orders = [1, 2].map((n) => stockReserved({ orderId: orderIdOf(n) }));
    const { changes, events } = decideBatch(snapshotOf(issued), orders, NOW);
    expect(changes.created.map((it) => it.status)).toEqual(['REDEEMED', 'REJECTED']);
    expect(changes.coupons).toEqual([{ ...used, orderId: orderIdOf(1) }]);
    expect(events[1]?.data).toMatchObject({ reason: 'COUPON_ALREADY_USED' });
  });

  it('when the first order is cancelled in between, then the second can use the coupon', () => {
    const start = { ...snapshotOf(used), redemptions: new Map([[ORDER_ID, redeemed]]) };
    const { changes } = decideBatch(start, [cancelled(), stockReserved({ orderId: orderIdOf(2) })], NOW);
    expect(changes.changed).toMatchObject([{ orderId: ORDER_ID, status: 'RETURNED' }]);
    expect(changes.created).toMatchObject([{ orderId: orderIdOf(2), status: 'REDEEMED' }]);
    expect(changes.coupons).toMatchObject([{ status: 'USED', orderId: orderIdOf(2) }]);
  });

  it('when keys are collected, then orders without a coupon are left out, and coupons are those to be used', () => {
    const events = [
      stockReserved({ orderId: orderIdOf(3), couponId: couponIdOf(9) }),
      stockReserved({ orderId: orderIdOf(2), couponId: null }),
      cancelled({ orderId: orderIdOf(1), couponId: couponIdOf(8) }),
      stockReserved({ orderId: orderIdOf(4), couponId: couponIdOf(2) }),
    ];
    expect(keysOf(events)).toEqual({ orderIds: [1, 3, 4].map((n) => orderIdOf(n)), couponIds: [2, 9].map(couponIdOf) });
  });
});

/**
 * Both events of some orders in any order, some orders with only one event, some events twice: they come on different
 * topics.
 */
function randomEvents({ int, pick }: ReturnType<typeof createRandom>): SagaEvent[] {
  return Array.from({ length: int(1, 30) }, (_, n): SagaEvent[] => {
    const order = { orderId: orderIdOf(n), userId: int(7, 8), couponId: couponIdOf(int(1, 5)) };
    const reserved = stockReserved({ ...order, totalAmount: int(0, 4_000) });
    return pick([[reserved], [reserved, cancelled(order)], [cancelled(order)], [reserved, reserved]]);
  })
    .flat()
    .map((event) => ({ event, at: int(0, 1_000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event);
}
