import { expect, it } from '@jest/globals';
import { firstIdAt } from './check.ts';
import { eventScopes } from './event-scopes.ts';
import { typesIn } from './type-set.ts';

const at = (day: number) => new Date(`2026-03-0${day}T00:00:00Z`);
const idOf = (day: number) => firstIdAt(new Date(at(day).getTime() + 1));
const since: Readonly<Record<string, Date>> = { 'order-events': at(5), 'payment-events': at(3) };

it('when topics reach back differently far, then each order is compared with those that hold all of it', () => {
  const scopes = eventScopes((topic) => {
    const from = since[topic] ?? at(1);
    return { since: from, firstOrderId: firstIdAt(from), deadlineMs: 0 };
  });
  const held = (day: number) => typesIn(scopes.heldOf(idOf(day)));
  expect(scopes.orders.since).toEqual(at(1));
  expect(held(2)).toContain('stock-reserved');
  expect(held(2)).not.toContain('payment-completed');
  expect(held(4)).toEqual(expect.arrayContaining(['stock-reserved', 'payment-completed', 'payment-refunded']));
  expect(held(4)).not.toContain('order-created');
  expect(held(6)).toEqual(expect.arrayContaining(['order-created', 'order-completed', 'stock-reserved']));
  expect(scopes.of('order-cancelled').since).toEqual(at(5));
  expect(scopes.of('coupon-issued').since).toEqual(at(1));
});
