import { describe, expect, it } from '@jest/globals';
import {
  COUPON_ID,
  cancelled,
  EXPIRES,
  expired,
  issued,
  NOW,
  ORDER_ID,
  orderIdOf,
  REVOKED_AT,
  redeemed,
  rejected,
  returned,
  revoked,
  spared,
  stockReserved,
  used,
  usedByAnother,
  voided,
  wonOff,
} from '../../test/examples.ts';
import {
  CLOCKS_DIFFER_MS,
  decide,
  type RedeemableCoupon,
  type Redemption,
  revoke,
  type SagaEvent,
} from './redemption.ts';

const order = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID };
const nothing = { events: [] };
const granted = {
  redemption: redeemed,
  coupon: used,
  events: [
    {
      type: 'coupon-redeemed',
      data: {
        ...order,
        totalAmount: 3_000,
        discountAmount: 1_000,
        payableAmount: 2_000,
        redeemedAt: NOW.getTime(),
      },
    },
  ],
};
const refused = (reason: string) => ({
  redemption: { ...rejected, reason },
  events: [{ type: 'coupon-rejected', data: { ...order, reason } }],
});

describe('every state of the redemption and of its coupon × every event', () => {
  const coupons = { unknown: undefined, ISSUED: issued, USED: usedByAnother, EXPIRED: expired, REVOKED: revoked };
  const table: [string, Redemption | undefined, keyof typeof coupons, SagaEvent, object][] = [
    ['unheard of', undefined, 'ISSUED', stockReserved(), granted],
    ['unheard of', undefined, 'unknown', stockReserved(), refused('COUPON_NOT_FOUND')],
    ['unheard of', undefined, 'USED', stockReserved(), refused('COUPON_ALREADY_USED')],
    ['unheard of', undefined, 'EXPIRED', stockReserved(), refused('COUPON_EXPIRED')],
    ['unheard of', undefined, 'REVOKED', stockReserved(), refused('COUPON_REVOKED')],
    ...(['unknown', 'ISSUED', 'USED', 'EXPIRED', 'REVOKED'] as const).flatMap((coupon): typeof table => [
      ['unheard of', undefined, coupon, cancelled(), { redemption: voided, events: [] }],
      ['REJECTED', rejected, coupon, stockReserved(), nothing],
      ['REJECTED', rejected, coupon, cancelled(), nothing],
      ['VOID', voided, coupon, stockReserved(), nothing],
      ['VOID', voided, coupon, cancelled(), nothing],
      ['RETURNED', returned, coupon, stockReserved(), nothing],
      ['RETURNED', returned, coupon, cancelled(), nothing],
      ['REDEEMED', redeemed, coupon, stockReserved(), nothing],
    ]),
  ];
  for (const [name, redemption, coupon, event, expected] of table) {
    it(`when ${event.type} comes, the redemption is ${name} and the coupon ${coupon}, then ${expected === nothing ? 'nothing changes' : 'it is applied'}`, () => {
      expect(decide({ redemption, coupon: coupons[coupon] }, event, NOW)).toEqual(expected);
    });
  }

  it('when order-cancelled comes and the order has USED the coupon, then its user gets it back', () => {
    expect(decide({ redemption: redeemed, coupon: used }, cancelled(), NOW)).toEqual({
      redemption: returned,
      coupon: issued,
      events: [],
    });
  });

  it.each<[string, RedeemableCoupon | undefined]>([
    ['unknown', undefined],
    ['ISSUED', issued],
    ['EXPIRED', expired],
    ['REVOKED', revoked],
    ['USED by another order', usedByAnother],
  ])(
    'when order-cancelled comes and the redeemed coupon is %s, then it throws, since that is impossible',
    (_, coupon) => {
      expect(() => decide({ redemption: redeemed, coupon }, cancelled(), NOW)).toThrow(ORDER_ID);
    },
  );

  it('when the order names no coupon, then nothing changes', () => {
    for (const event of [stockReserved({ couponId: null }), cancelled({ couponId: null })]) {
      expect(decide({ redemption: undefined, coupon: undefined }, event, NOW)).toEqual(nothing);
    }
  });
});

describe('a redemption', () => {
  it.each([
    ['more than the order', 5_000, 3_000, 0],
    ['as much as the order', 3_000, 3_000, 0],
    ['one won less', 2_999, 2_999, 1],
  ])('when the coupon is worth %s, then it pays as much as it can', (_, worth, discount, payable) => {
    const { redemption, events } = decide(
      { redemption: undefined, coupon: { ...issued, discount: wonOff(worth) } },
      stockReserved(),
      NOW,
    );
    expect(redemption).toMatchObject({ status: 'REDEEMED', discountAmount: discount });
    expect(events[0]?.data).toMatchObject({ totalAmount: 3_000, discountAmount: discount, payableAmount: payable });
  });

  it('when the order is free, then it goes on without the coupon, which stays with its user', () => {
    const { redemption, coupon, events } = decide(
      { redemption: undefined, coupon: issued },
      stockReserved({ totalAmount: 0 }),
      NOW,
    );
    expect(redemption).toEqual(spared);
    expect(coupon).toBeUndefined();
    expect(decide({ redemption, coupon: issued }, cancelled(), NOW)).toEqual(nothing);
    expect(decide({ redemption, coupon: issued }, stockReserved({ totalAmount: 0 }), NOW)).toEqual(nothing);
    expect(events[0]?.data).toMatchObject({ totalAmount: 0, discountAmount: 0, payableAmount: 0 });
  });

  it('when the coupon is another user’s, then it counts as unknown, whatever its state', () => {
    for (const coupon of [issued, usedByAnother, expired]) {
      expect(decide({ redemption: undefined, coupon: { ...coupon, userId: 8 } }, stockReserved(), NOW)).toEqual(
        refused('COUPON_NOT_FOUND'),
      );
    }
  });

  it.each([
    ['before its time is over', -1, 'coupon-redeemed'],
    ['within the difference of two clocks', CLOCKS_DIFFER_MS - 1, 'coupon-redeemed'],
    ['later than that', CLOCKS_DIFFER_MS, 'coupon-rejected'],
  ])(
    'when an order is placed %s, then %3$s, however late it is looked at, and whatever the job has marked',
    (_, ms, type) => {
      const orderId = orderIdOf(1, new Date(EXPIRES.getTime() + ms));
      for (const status of ['ISSUED', 'EXPIRED'] as const) {
        for (const lateMs of [0, 20_000, 3_600_000]) {
          const now = new Date(EXPIRES.getTime() + ms + lateMs);
          const state = { redemption: undefined, coupon: { ...issued, status } as RedeemableCoupon };
          const { coupon, events } = decide(state, stockReserved({ orderId }), now);
          expect(events.map((it) => it.type)).toEqual([type]);
          if (type === 'coupon-rejected') expect(events[0]?.data).toMatchObject({ reason: 'COUPON_EXPIRED' });
          else expect(coupon).toMatchObject({ status: 'USED', orderId, usedAt: now });
        }
      }
    },
  );
});

it.each([
  ['a millisecond before its time is over', -1, 'ISSUED'],
  ['when its time is over', 0, 'EXPIRED'],
])('when a coupon is given back %s, then it is %3$s, and belongs to no order', (_, ms, status) => {
  const now = new Date(EXPIRES.getTime() + ms);
  expect(decide({ redemption: redeemed, coupon: used }, cancelled(), now).coupon).toEqual({ ...issued, status });
});

describe('a coupon whose policy is revoked', () => {
  it('when no order has used it, then it is REVOKED', () => {
    expect(revoke(issued, REVOKED_AT)).toEqual(revoked);
  });

  it('when an order has used it, then it stays with the order, and is REVOKED when that gives it back', () => {
    const marked = revoke(used, REVOKED_AT);
    expect(marked).toEqual({ ...used, revokedAt: REVOKED_AT });
    expect(decide({ redemption: redeemed, coupon: marked }, cancelled(), NOW).coupon).toEqual(revoked);
    // Also after its time: it was revoked first.
    expect(decide({ redemption: redeemed, coupon: marked }, cancelled(), EXPIRES).coupon).toEqual(revoked);
  });

  it('when it has expired, then no order placed before can use it any more', () => {
    expect(revoke(expired, REVOKED_AT)).toEqual({ ...revoked, expiresAt: expired.expiresAt });
  });

  it('when it is revoked again, then it stays as it is', () => {
    for (const coupon of [revoked, revoke(used, REVOKED_AT)]) expect(revoke(coupon, NOW)).toBe(coupon);
  });
});
