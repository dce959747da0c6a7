import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../../test/simulation/random.ts';
import { cancelled, completed, couponRedeemed, ORDER_ID, orderIdOf, stockReserved } from '../../test/examples.ts';
import { decideBatch, keysOf, type Snapshot } from './batch.ts';
import type { SagaEvent } from './payment.ts';

const now = new Date('2026-01-01T00:00:00Z');

/** Integers from 0 to less than `n`, the same for the same seed. */
const random = (seed: number) => {
  const { int } = createRandom(seed);
  return (n: number) => int(0, n - 1);
};

/** The store's content after the changes. */
function saved(snapshot: Snapshot, { changes }: ReturnType<typeof decideBatch>): Snapshot {
  const payments = new Map(snapshot.payments);
  const balances = new Map(snapshot.balances);
  for (const it of changes.created) {
    if (payments.has(it.orderId)) throw new Error('a row was created twice');
    payments.set(it.orderId, it);
  }
  for (const it of changes.changed) {
    if (!payments.has(it.orderId)) throw new Error('a row was changed that is not there');
    payments.set(it.orderId, it);
  }
  for (const { userId, balance } of changes.balances) {
    if (!balances.has(userId)) throw new Error('a balance was written on an account that is not there');
    balances.set(userId, balance);
  }
  return { payments, balances };
}

/**
 * The events of some orders, part of them with a coupon, in any order, some orders with only one event, some events
 * twice: they come on different topics.
 */
function randomEvents(below: (n: number) => number): SagaEvent[] {
  const events = Array.from({ length: 1 + below(40) }, (_, n): SagaEvent[] => {
    const order = { orderId: orderIdOf(n), userId: below(5) };
    const reserved = stockReserved({ ...order, totalAmount: below(4_000) });
    const redeemed = couponRedeemed({ ...order, payableAmount: below(2_000) });
    const due = below(4) === 0 ? [stockReserved({ ...order, couponId: 'c' }), redeemed] : [reserved];
    return [due, [...due, cancelled(order)], [cancelled(order)], [...due, ...due]][below(4)] ?? [];
  }).flat();
  return events
    .map((event) => ({ event, at: below(1_000) }))
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event);
}

describe('a batch', () => {
  for (let seed = 1; seed <= 200; seed++) {
    it(`when decided at once, then a batch is as if decided one by one, and no won is lost (seed ${seed})`, () => {
      const below = random(seed);
      const start: Snapshot = {
        payments: new Map(),
        balances: new Map([1, 2, 3, 4].map((userId) => [userId, below(20_000)])),
      };
      const events = randomEvents(below);
      let state = start;
      const steps = events.map((event) => {
        const decided = decideBatch(state, [event], now);
        state = saved(state, decided);
        return decided;
      });
      const batch = decideBatch(start, events, now);
      expect(batch.events).toEqual(steps.flatMap((step) => step.events));
      expect(batch.changes.entries).toEqual(steps.flatMap((step) => step.changes.entries));
      expect(saved(start, batch)).toEqual(state);

      for (const [userId, balance] of state.balances) {
        const moved = batch.changes.entries
          .filter((it) => it.userId === userId)
          .reduce((sum, it) => sum + (it.type === 'USE' ? -it.amount : it.amount), 0);
        expect(balance).toBe((start.balances.get(userId) ?? 0) + moved);
        expect(balance).toBeGreaterThanOrEqual(0);
      }
    });
  }

  it('when one account pays for many orders, then its row is written once and later orders may still fit', () => {
    const start: Snapshot = { payments: new Map(), balances: new Map([[7, 5_000]]) };
    const events = [3_000, 3_000, 2_000].map((totalAmount, n) => stockReserved({ orderId: orderIdOf(n), totalAmount }));
    const { changes } = decideBatch(start, events, now);
    expect(changes.balances).toEqual([{ userId: 7, balance: 0 }]);
    expect(changes.created.map((it) => it.status)).toEqual(['COMPLETED', 'FAILED', 'COMPLETED']);
  });

  it('when a refund comes before a payment in one batch, then the payment can use it', () => {
    const start: Snapshot = { payments: new Map([[ORDER_ID, completed]]), balances: new Map([[7, 0]]) };
    const { changes } = decideBatch(start, [cancelled(), stockReserved({ orderId: orderIdOf(2) })], now);
    expect(changes.changed).toMatchObject([{ orderId: ORDER_ID, status: 'REFUNDED' }]);
    expect(changes.created).toMatchObject([{ orderId: orderIdOf(2), status: 'COMPLETED' }]);
    expect(changes.balances).toEqual([]); // 0 before and after
    expect(changes.entries.map((it) => it.balanceAfter)).toEqual([3_000, 0]);
  });

  it('when the user has no account, then the payment fails and no account is written', () => {
    const { changes, events } = decideBatch({ payments: new Map(), balances: new Map() }, [stockReserved()], now);
    expect(changes.created).toMatchObject([{ status: 'FAILED' }]);
    expect(changes.balances).toEqual([]);
    expect(events[0]?.data).toMatchObject({ balance: 0, payableAmount: 3_000 });
  });

  it('when keys are collected, then orders that name a coupon are left out until it is redeemed', () => {
    const events = [
      stockReserved({ orderId: orderIdOf(3), userId: 10 }),
      stockReserved({ orderId: orderIdOf(2), userId: 9, couponId: 'c' }),
      cancelled({ orderId: orderIdOf(1), userId: 8 }),
      stockReserved({ orderId: orderIdOf(4), userId: 2 }),
      couponRedeemed({ orderId: orderIdOf(5), userId: 3 }),
    ];
    expect(keysOf(events)).toEqual({ orderIds: [1, 3, 4, 5].map(orderIdOf), userIds: [2, 3, 10] });
  });
});
