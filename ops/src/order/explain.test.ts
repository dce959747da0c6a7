import { describe, expect, it } from '@jest/globals';
import { explain } from './explain.ts';
import type { OrderFacts, OrderRow } from './facts.ts';

const placed = new Date('2026-01-01T00:00:00Z');
const now = new Date('2026-01-01T00:00:12Z');
const order = (change: Partial<OrderRow>): OrderRow => ({
  orderId: 'o',
  userId: 1,
  couponId: null,
  status: 'PENDING',
  reason: null,
  totalAmount: null,
  discountAmount: null,
  paidAmount: null,
  createdAt: placed,
  updatedAt: placed,
  completedAt: null,
  traceparent: null,
  ...change,
});
const facts = (change: Partial<OrderFacts>): OrderFacts => ({
  orderId: 'o',
  order: order({}),
  items: [],
  history: [],
  reservation: undefined,
  redemption: undefined,
  coupon: undefined,
  payment: undefined,
  points: [],
  told: [],
  applied: [],
  outbox: [],
  deadLetters: [],
  ...change,
});
const reservation = (status: string, reason: string | null = null) => ({
  status,
  reason,
  totalAmount: 1,
  createdAt: placed,
  updatedAt: placed,
});
const redemption = (status: string, reason: string | null = null) => ({
  couponId: 'c',
  status,
  reason,
  discountAmount: null,
  createdAt: placed,
  updatedAt: placed,
});
const payment = (status: string, reason: string | null = null) => ({
  status,
  reason,
  paidAmount: 1,
  discountAmount: 0,
  createdAt: placed,
  updatedAt: placed,
});
const completed = order({ status: 'COMPLETED', paidAmount: 19_000, completedAt: new Date(placed.getTime() + 42) });
const dead = {
  ref: 'payment/3',
  service: 'payment',
  group: 'payment',
  status: 'DEAD',
  type: 'stock-reserved',
  error: 'Error: boom',
  failedAt: placed,
  resolution: null,
} as const;

/** A letter that an operator has given up; group `outbox`: an event that is never sent. */
const givenUp = (group: string, type: string | null) =>
  ({ ...dead, ref: 'order/5', service: 'order', group, status: 'DISCARDED', type, resolution: 'too large' }) as const;
const cancelledYetHeld = {
  order: order({ status: 'CANCELLED', reason: 'ORDER_CANCELLED' }),
  reservation: reservation('ACTIVE'),
} as const;

describe("the explanation of an order's state", () => {
  it.each<[string, Partial<OrderFacts>, string]>([
    ['unknown', { order: undefined }, 'No service knows an order o.'],
    ['known to others only', { order: undefined, reservation: reservation('ACTIVE') }, 'run `audit`'],
    [
      'completed',
      { order: completed, reservation: reservation('SOLD'), payment: payment('COMPLETED') },
      'Completed 42 ms after it was placed; 19,000 won paid.',
    ],
    [
      'completed with a coupon',
      {
        order: { ...completed, couponId: 'c', discountAmount: 1_000 },
        reservation: reservation('SOLD'),
        redemption: redemption('REDEEMED'),
        payment: payment('COMPLETED'),
      },
      'Completed 42 ms after it was placed; 19,000 won paid after a discount of 1,000 won.',
    ],
    [
      'completed, not yet sold',
      { order: completed, reservation: reservation('ACTIVE') },
      'But catalog has the reservation as ACTIVE: the news is on its way.',
    ],
    [
      'cancelled',
      { order: order({ status: 'CANCELLED', reason: 'OUT_OF_STOCK' }), reservation: reservation('REJECTED') },
      'Cancelled (OUT_OF_STOCK).',
    ],
    [
      'cancelled, not refunded',
      {
        order: order({ status: 'CANCELLED', reason: 'ORDER_CANCELLED', completedAt: placed }),
        payment: payment('COMPLETED'),
      },
      'payment has not refunded it',
    ],
    [
      'cancelled, its coupon not given back',
      {
        order: order({ status: 'CANCELLED', reason: 'ORDER_CANCELLED', couponId: 'c' }),
        redemption: redemption('REDEEMED'),
      },
      'But coupon has not given it back: the news is on its way.',
    ],
    [
      'pending, its coupon unheard of',
      { order: order({ couponId: 'c' }), reservation: reservation('ACTIVE') },
      'coupon has not heard of it yet',
    ],
    [
      'pending, its coupon rejected',
      {
        order: order({ couponId: 'c' }),
        reservation: reservation('ACTIVE'),
        redemption: redemption('REJECTED', 'COUPON_EXPIRED'),
      },
      'its coupon was rejected (COUPON_EXPIRED), which the order service has not heard yet',
    ],
    [
      'pending, redeemed',
      {
        order: order({ couponId: 'c' }),
        reservation: reservation('ACTIVE'),
        redemption: redemption('REDEEMED'),
      },
      'payment has not heard of it yet',
    ],
    ['pending, unheard of', {}, 'Pending for 12.0 s: catalog has not heard of it yet'],
    [
      'pending, not relayed',
      { outbox: [{ service: 'order', type: 'order-created', createdAt: placed }] },
      'order-created waits in the outbox of order',
    ],
    ['pending, reserved', { reservation: reservation('ACTIVE') }, 'payment has not heard of it yet'],
    [
      'pending, rejected',
      { reservation: reservation('REJECTED', 'OUT_OF_STOCK') },
      'catalog rejected it (OUT_OF_STOCK)',
    ],
    [
      'pending, failed',
      { reservation: reservation('ACTIVE'), payment: payment('FAILED', 'INSUFFICIENT_BALANCE') },
      'payment failed (INSUFFICIENT_BALANCE)',
    ],
    [
      'pending, paid',
      { reservation: reservation('ACTIVE'), payment: payment('COMPLETED') },
      'the order service has not heard yet',
    ],
    [
      'behind a dead letter',
      { deadLetters: [dead, { ...dead, ref: 'payment/4', status: 'PARKED' }] },
      'payment could not handle stock-reserved (dead letter payment/3: Error: boom), with 1 message parked behind it',
    ],
    [
      'cancelled, and its news is never sent',
      { ...cancelledYetHeld, deadLetters: [givenUp('outbox', 'order-cancelled')] },
      'But catalog still holds the stock (ACTIVE): order-cancelled was set aside in the outbox of order (order/5): too large.',
    ],
    [
      'cancelled, and catalog does not hear it, but payment will',
      {
        ...cancelledYetHeld,
        payment: payment('COMPLETED'),
        deadLetters: [givenUp('catalog', 'order-cancelled')],
      },
      'But catalog still holds the stock (ACTIVE): order-cancelled was discarded for group catalog (order/5): too large. But payment has not refunded it: the news is on its way.',
    ],
    [
      'cancelled, and catalog does not hear what could not be read',
      { ...cancelledYetHeld, deadLetters: [givenUp('catalog', null)] },
      'an unreadable message was discarded for group catalog (order/5): too large.',
    ],
    [
      'cancelled, and ranking does not hear it',
      { ...cancelledYetHeld, deadLetters: [givenUp('ranking', 'order-cancelled')] },
      'But catalog still holds the stock (ACTIVE): the news is on its way.',
    ],
    [
      'cancelled, and catalog did not hear another news',
      { ...cancelledYetHeld, deadLetters: [givenUp('catalog', 'order-completed')] },
      'But catalog still holds the stock (ACTIVE): the news is on its way.',
    ],
    [
      'behind a dead letter, after another was discarded',
      { ...cancelledYetHeld, deadLetters: [givenUp('catalog', 'order-cancelled'), dead] },
      'payment could not handle stock-reserved (dead letter payment/3: Error: boom)',
    ],
    [
      'pending, and never told of',
      { deadLetters: [givenUp('outbox', 'order-created')] },
      'Pending for 12.0 s: order-created was set aside in the outbox of order (order/5): too large.',
    ],
    [
      'pending, and payment does not hear of it',
      { reservation: reservation('ACTIVE'), deadLetters: [givenUp('payment', 'stock-reserved')] },
      'Pending for 12.0 s: stock-reserved was discarded for group payment (order/5): too large.',
    ],
    [
      'pending, and its redemption is never told',
      {
        order: order({ couponId: 'c' }),
        reservation: reservation('ACTIVE'),
        redemption: redemption('REDEEMED'),
        deadLetters: [givenUp('outbox', 'coupon-redeemed')],
      },
      'Pending for 12.0 s: coupon-redeemed was set aside',
    ],
    [
      'pending, and the order service does not hear that it was paid',
      {
        reservation: reservation('ACTIVE'),
        payment: payment('COMPLETED'),
        deadLetters: [givenUp('order', 'payment-completed')],
      },
      'Pending for 12.0 s: payment-completed was discarded for group order (order/5): too large.',
    ],
    [
      'pending, after the order service has not heard of its stock',
      { reservation: reservation('ACTIVE'), deadLetters: [givenUp('order', 'stock-reserved')] },
      'payment has not heard of it yet',
    ],
    [
      'in line, which an unreadable message does not change',
      { reservation: reservation('WAITING'), deadLetters: [givenUp('catalog', null)] },
      'it waits in line',
    ],
    [
      'in line, and what was discarded says so',
      { reservation: reservation('WAITING'), deadLetters: [givenUp('order', 'stock-awaited')] },
      'it waits in line',
    ],
  ])('when an order is %s, then the sentence explains it', (_, change, sentence) => {
    expect(explain(facts(change), now)).toContain(sentence);
  });
});
