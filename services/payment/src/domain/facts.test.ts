import { describe, expect, it } from '@jest/globals';
import { ContradictingFact, type DatedEntry, effectOf, inOrderOfBalances, type PaymentFact } from './facts.ts';
import type { Payment } from './payment.ts';

const TIME = new Date('2026-01-31T09:00:00.000Z');
const origin = { id: 'e', time: TIME, key: 'o', topic: 'payment-events', partition: 0, offset: '0' };
const order = { orderId: 'o', userId: 7 };
const completed: PaymentFact = {
  ...origin,
  type: 'payment-completed',
  data: { ...order, paidAmount: 30, discountAmount: 5, balanceAfter: 70 },
};
const failed: PaymentFact = {
  ...origin,
  type: 'payment-failed',
  data: { ...order, reason: 'INSUFFICIENT_BALANCE', payableAmount: 30, balance: 1 },
};
const refunded: PaymentFact = {
  ...origin,
  type: 'payment-refunded',
  data: { ...order, amount: 30, balanceAfter: 100 },
};
const charged: PaymentFact = {
  ...origin,
  type: 'points-charged',
  data: {
    userId: 7,
    amount: 50,
    balanceAfter: 50,
    chargedAt: TIME.getTime() - 3,
    requestId: 'r',
    idempotencyKey: null,
    requestHash: null,
  },
};
const payments: Record<Payment['status'], Payment> = {
  COMPLETED: { ...order, status: 'COMPLETED', paidAmount: 30, discountAmount: 5 },
  REFUNDED: { ...order, status: 'REFUNDED', paidAmount: 30, discountAmount: 5 },
  FAILED: { ...order, status: 'FAILED', reason: 'INSUFFICIENT_BALANCE' },
  VOID: { ...order, status: 'VOID', reason: 'ORDER_CANCELLED' },
};

describe('every payment × every fact', () => {
  it.each([
    [undefined, completed, 'new'],
    [undefined, failed, 'new'],
    [undefined, refunded, 'early'],
    ['COMPLETED', completed, 'known'],
    ['COMPLETED', failed, 'contradiction'],
    ['COMPLETED', refunded, 'new'],
    ['REFUNDED', completed, 'known'],
    ['REFUNDED', failed, 'contradiction'],
    ['REFUNDED', refunded, 'known'],
    ['FAILED', completed, 'contradiction'],
    ['FAILED', failed, 'known'],
    ['FAILED', refunded, 'contradiction'],
    ['VOID', completed, 'contradiction'],
    ['VOID', failed, 'contradiction'],
    ['VOID', refunded, 'contradiction'],
  ] as const)('when the payment is %s, then a fact $type is …', (status, fact, expected) => {
    const effect = () => effectOf(fact, status && payments[status], false).kind;
    if (expected === 'contradiction') expect(effect).toThrow(ContradictingFact);
    else expect(effect()).toBe(expected);
  });

  it('when a charge is in the history, then it is known', () => {
    expect(effectOf(charged, undefined, true)).toEqual({ kind: 'known' });
  });
});

describe('the effects of facts', () => {
  it('when a payment was completed and refunded, then it and its entries are as they were', () => {
    expect(effectOf(completed, undefined, false)).toEqual({
      kind: 'new',
      payment: payments.COMPLETED,
      entry: { userId: 7, type: 'USE', amount: 30, balanceAfter: 70, orderId: 'o', requestId: null, at: TIME },
    });
    expect(effectOf(refunded, payments.COMPLETED, false)).toEqual({
      kind: 'new',
      payment: payments.REFUNDED,
      entry: { userId: 7, type: 'REFUND', amount: 30, balanceAfter: 100, orderId: 'o', requestId: null, at: TIME },
    });
  });

  it('when points were charged, then the entry has the time of the charge', () => {
    expect(effectOf(charged, undefined, false)).toEqual({
      kind: 'new',
      entry: {
        ...{ userId: 7, type: 'CHARGE', amount: 50, balanceAfter: 50, orderId: null, requestId: 'r' },
        at: new Date(TIME.getTime() - 3),
      },
    });
  });
});

describe('the order of balances', () => {
  const entry = (change: number, balanceAfter: number, requestId = `${change} ${balanceAfter}`): DatedEntry => ({
    userId: 7,
    type: change < 0 ? 'USE' : 'CHARGE',
    amount: Math.abs(change),
    balanceAfter,
    orderId: null,
    requestId,
    at: TIME,
  });

  it('when times were right, then they stay', () => {
    const entries = [entry(100, 100, 'a'), entry(-100, 0, 'b'), entry(100, 100, 'c'), entry(-40, 60, 'd')];
    expect(inOrderOfBalances(0, entries)).toEqual(entries);
  });

  it('when taking the earliest entry leads to a dead end, then the detour comes first', () => {
    const [dead, away, back] = [entry(-100, 0), entry(-50, 50), entry(50, 100)];
    expect(inOrderOfBalances(100, [dead, away, back])).toEqual([away, back, dead]);
  });

  it('when an entry is missing, then there is no order', () => {
    expect(inOrderOfBalances(0, [entry(-40, 60), entry(-10, 50)])).toBeUndefined();
    expect(inOrderOfBalances(0, [entry(10, 10), entry(-40, 60)])).toBeUndefined();
  });

  it('when changes of one account come in any order, then they form a chain that ends at the final balance', () => {
    for (let run = 1; run <= 200; run++) {
      let balance = 0;
      const entries = Array.from({ length: 40 }, (_, i) => {
        const change = (((i * run * 7919) % 7) - 3) * 10;
        const allowed = balance + change < 0 ? -change : change;
        balance += allowed;
        return entry(allowed, balance, `${i}`);
      });
      const shuffled = entries.toSorted(
        (a, b) => ((Number(a.requestId) * 31 * run) % 41) - ((Number(b.requestId) * 31 * run) % 41),
      );
      const chain = inOrderOfBalances(0, shuffled);
      expect(chain?.length).toBe(40);
      expect(chain?.at(-1)?.balanceAfter).toBe(balance);
    }
  });
});
