import { expect, it } from '@jest/globals';
import type { LogRecord } from '../audit/log.ts';
import type { OrderFacts } from './facts.ts';
import { timeline } from './timeline.ts';

const AT = new Date('2026-01-01T00:00:00.000Z');

it('when everything came in one millisecond, then cause stands before effect, whatever was read first', () => {
  const types = ['order-completed', 'payment-completed', 'coupon-redeemed', 'stock-reserved', 'order-created'];
  const records = types.map((type, offset) => ({
    topic: 't',
    partition: 0,
    offset: String(offset),
    type,
    timestamp: +AT,
  }));
  const history = types.map((type, index) => ({ seq: index + 1, type, eventId: String(index), at: AT }));
  const payment = { createdAt: AT, updatedAt: AT, status: 'COMPLETED', paidAmount: 1, discountAmount: 0 };
  const lists = { items: [], points: [], told: [], applied: [], outbox: [], deadLetters: [] };
  const facts = { orderId: 'o', ...lists, history, payment } as unknown as OrderFacts;
  const entries = timeline(facts, records as unknown as LogRecord[]).map(({ what }) =>
    what.replace(/^history \d+: /, ''),
  );
  expect(entries).toEqual([
    ...['order-created', 'order-created', 'stock-reserved', 'stock-reserved', 'coupon-redeemed', 'coupon-redeemed'],
    ...['payment-completed', 'first heard of it; payment of 1 won', 'payment COMPLETED', 'payment-completed'],
    ...['order-completed', 'order-completed'],
  ]);
});
