import { describe, expect, it } from '@jest/globals';
import { FactsIncompleteError } from '@shop/events';
import type { DatedEntry, PaymentFact } from '../domain/facts.ts';
import { createApplyFacts, type DatedPayment } from './apply-facts.ts';

const USER = 7;
const EARLIER = new Date('2026-01-31T09:00:00.000Z');
const LATER = new Date('2026-01-31T09:00:01.000Z');
const order = { orderId: 'o', userId: USER };
const origin = { key: 'o', topic: 'payment-events', partition: 0 };

function completed(time: Date): PaymentFact {
  const data = { ...order, paidAmount: 100, discountAmount: 0, balanceAfter: 900 };
  return { ...origin, id: 'completed', offset: '0', type: 'payment-completed', time, data };
}

function refunded(time: Date): PaymentFact {
  const data = { ...order, amount: 100, balanceAfter: 1_000 };
  return { ...origin, id: 'refunded', offset: '1', type: 'payment-refunded', time, data };
}

/** An account of 1000 won, and what facts add to it. */
function createSchema() {
  const payments: DatedPayment[] = [];
  const balances: number[] = [];
  const history: DatedEntry[] = [];
  const apply = createApplyFacts<undefined>({
    knownCharges: async () => new Set(),
    restoreKeys: async () => {},
    load: async () => ({ payments: new Map(), balances: new Map([[USER, 1_000]]) }),
    savePayments: async (_, all) => void payments.push(...all),
    saveBalances: async (_, all) => void balances.push(...all.map(({ balance }) => balance)),
    addEntries: async (_, all) => void history.push(...all),
  });
  return {
    apply: (facts: readonly PaymentFact[], acceptGaps: boolean) => apply(undefined, facts, { acceptGaps }),
    rows: () => ({ payments, balances, history: history.map(({ type, balanceAfter }) => [type, balanceAfter]) }),
  };
}

const REFUNDED = { ...order, status: 'REFUNDED', paidAmount: 100, discountAmount: 0 };
const HISTORY = [
  ['USE', 900],
  ['REFUND', 1_000],
];

describe.each([false, true])('facts of payment, where gaps are accepted: %s', (acceptGaps) => {
  it('when a payment was refunded, then both are restored, with their times', async () => {
    const { apply, rows } = createSchema();
    await apply([completed(EARLIER), refunded(LATER)], acceptGaps);
    const payments = [{ payment: REFUNDED, createdAt: EARLIER, updatedAt: LATER }];
    expect(rows()).toEqual({ payments, balances: [1_000], history: HISTORY });
  });

  it('when a refund was sent at an earlier time than its payment, then both are restored', async () => {
    const { apply, rows } = createSchema();
    await apply([refunded(EARLIER), completed(LATER)], acceptGaps);
    const payments = [{ payment: REFUNDED, createdAt: LATER, updatedAt: LATER }];
    expect(rows()).toEqual({ payments, balances: [1_000], history: HISTORY });
  });
});

it("when orders' facts come at one time, then the account's history is in the order in which they came", async () => {
  const { apply, rows } = createSchema();
  const first = { ...completed(LATER), key: 'p', data: { ...completed(LATER).data, orderId: 'p', balanceAfter: 900 } };
  const taken = { ...completed(LATER), data: { ...completed(LATER).data, balanceAfter: 900 } };
  const back = { ...refunded(LATER), key: 'p', data: { ...refunded(LATER).data, orderId: 'p', balanceAfter: 1_000 } };
  await apply([first, back, taken] as PaymentFact[], false);
  expect(rows().history).toEqual([
    ['USE', 900],
    ['REFUND', 1_000],
    ['USE', 900],
  ]);
});

describe('a refund without its payment', () => {
  it('when it may still come, then the facts are incomplete', async () => {
    await expect(createSchema().apply([refunded(LATER)], false)).rejects.toThrow(FactsIncompleteError);
  });

  it('when gaps are accepted, then it is left out', async () => {
    const { apply, rows } = createSchema();
    await apply([refunded(LATER)], true);
    expect(rows()).toEqual({ payments: [], balances: [], history: [] });
  });
});
