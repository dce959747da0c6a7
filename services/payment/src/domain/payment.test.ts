import { describe, expect, it } from '@jest/globals';
import {
  COUPON_ID,
  cancelled,
  completed,
  couponRedeemed,
  discounted,
  failed,
  ORDER_ID,
  refunded,
  stockReserved,
  voided,
} from '../../test/examples.ts';
import { BALANCE_LIMIT } from './charge.ts';
import { decide, type Payment, type SagaEvent } from './payment.ts';

const entry = { userId: 7, orderId: ORDER_ID, requestId: null };
const order = { orderId: ORDER_ID, userId: 7 };

describe('every state × every event, on a balance of 10,000', () => {
  const nothing = { balance: 10_000, entries: [], events: [] };
  const captured = {
    payment: completed,
    balance: 7_000,
    entries: [{ ...entry, type: 'USE', amount: 3_000, balanceAfter: 7_000 }],
    events: [
      { type: 'payment-completed', data: { ...order, paidAmount: 3_000, discountAmount: 0, balanceAfter: 7_000 } },
    ],
  };
  const givenBack = {
    payment: refunded,
    balance: 13_000,
    entries: [{ ...entry, type: 'REFUND', amount: 3_000, balanceAfter: 13_000 }],
    events: [{ type: 'payment-refunded', data: { ...order, amount: 3_000, balanceAfter: 13_000 } }],
  };
  const withDiscount = {
    payment: discounted,
    balance: 8_000,
    entries: [{ ...entry, type: 'USE', amount: 2_000, balanceAfter: 8_000 }],
    events: [
      { type: 'payment-completed', data: { ...order, paidAmount: 2_000, discountAmount: 1_000, balanceAfter: 8_000 } },
    ],
  };
  const withCoupon = stockReserved({ couponId: COUPON_ID });

  const table: [string, Payment | undefined, SagaEvent, object][] = [
    ['unheard of', undefined, stockReserved(), captured],
    ['unheard of', undefined, withCoupon, nothing],
    ['unheard of', undefined, couponRedeemed(), withDiscount],
    ['unheard of', undefined, cancelled(), { ...nothing, payment: voided }],
    ['COMPLETED', completed, stockReserved(), nothing],
    ['COMPLETED', completed, withCoupon, nothing],
    ['COMPLETED', completed, couponRedeemed(), nothing],
    ['COMPLETED', completed, cancelled(), givenBack],
    ['REFUNDED', refunded, stockReserved(), nothing],
    ['REFUNDED', refunded, withCoupon, nothing],
    ['REFUNDED', refunded, couponRedeemed(), nothing],
    ['REFUNDED', refunded, cancelled(), nothing],
    ['FAILED', failed, stockReserved(), nothing],
    ['FAILED', failed, withCoupon, nothing],
    ['FAILED', failed, couponRedeemed(), nothing],
    ['FAILED', failed, cancelled(), nothing],
    ['VOID', voided, stockReserved(), nothing],
    ['VOID', voided, withCoupon, nothing],
    ['VOID', voided, couponRedeemed(), nothing],
    ['VOID', voided, cancelled(), nothing],
  ];
  for (const [name, payment, event, expected] of table) {
    const coupon = event === withCoupon ? ' with a coupon' : '';
    const outcome = expected === nothing ? 'nothing changes' : 'it is applied';
    it(`when ${event.type}${coupon} comes and the payment is ${name}, then ${outcome}`, () => {
      expect(decide({ payment, balance: 10_000 }, event)).toEqual(expected);
    });
  }
});

describe('capture', () => {
  const pay = (balance: number, totalAmount: number) =>
    decide({ payment: undefined, balance }, stockReserved({ totalAmount }));

  it('when the balance is exactly enough, then all of it is taken', () => {
    expect(pay(3_000, 3_000)).toMatchObject({ payment: { status: 'COMPLETED', paidAmount: 3_000 }, balance: 0 });
  });

  it('when one won is missing, then nothing is taken and the failure names both amounts', () => {
    const reason = 'INSUFFICIENT_BALANCE';
    expect(pay(2_999, 3_000)).toEqual({
      payment: failed,
      balance: 2_999,
      entries: [],
      events: [{ type: 'payment-failed', data: { ...order, reason, payableAmount: 3_000, balance: 2_999 } }],
    });
  });

  it('when nothing is due, then a payment of 0 is made', () => {
    const decision = pay(0, 0);
    expect(decision.payment).toMatchObject({ status: 'COMPLETED', paidAmount: 0 });
    expect(decision.events.map((it) => it.type)).toEqual(['payment-completed']);
  });

  it('when a coupon pays all of it, then 0 is taken and given back', () => {
    const redeemed = couponRedeemed({ discountAmount: 3_000, payableAmount: 0 });
    const decision = decide({ payment: undefined, balance: 0 }, redeemed);
    expect(decision.payment).toMatchObject({ status: 'COMPLETED', paidAmount: 0, discountAmount: 3_000 });
    expect(decision.events[0]?.data).toMatchObject({ paidAmount: 0, discountAmount: 3_000, balanceAfter: 0 });
    const refund = decide({ payment: decision.payment, balance: 0 }, cancelled());
    expect(refund).toMatchObject({ balance: 0, events: [{ type: 'payment-refunded', data: { amount: 0 } }] });
  });

  it('when the points do not cover the rest after the discount, then the failure names the rest', () => {
    const { payment, events } = decide({ payment: undefined, balance: 1_999 }, couponRedeemed());
    expect(payment).toEqual(failed);
    expect(events[0]?.data).toMatchObject({ payableAmount: 2_000, balance: 1_999 });
  });

  for (const amount of [-1, 0.5, Number.NaN, 2 ** 53]) {
    it(`when ${amount} would be paid, then it throws`, () => {
      expect(() => pay(10, amount)).toThrow(ORDER_ID);
    });
  }
});

it('when the account is full, then a refund still goes in', () => {
  expect(decide({ payment: completed, balance: BALANCE_LIMIT }, cancelled()).balance).toBe(BALANCE_LIMIT + 3_000);
});

it('when a discounted payment is refunded, then the paid points come back, not the discount', () => {
  expect(decide({ payment: discounted, balance: 0 }, cancelled())).toMatchObject({
    payment: { status: 'REFUNDED', paidAmount: 2_000, discountAmount: 1_000 },
    balance: 2_000,
    entries: [{ type: 'REFUND', amount: 2_000 }],
  });
});
