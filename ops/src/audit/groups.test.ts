import { describe, expect, it } from '@jest/globals';
import type { Headers } from '@shop/events';
import { ALL_GROUPS } from '../../../services/groups.ts';
import { isFor } from './groups.ts';

/** The sorted groups that handle a message with these headers. */
const hearers = (headers: Headers): string[] =>
  ALL_GROUPS.filter((group) => isFor(group, headers))
    .map(({ group }) => group)
    .sort();
const attributes = { completed: { ce_wascompleted: 'true' }, pending: { ce_wascompleted: 'false' } };
const coupon = { ce_couponid: 'c' };

// Written by hand, not derived from the subscriptions: a message that a group misses is lost without a trace.
describe('the groups that the audit expects to have heard a message', () => {
  it.each<[type: string, more: Headers, expected: string[]]>([
    ['order-created', {}, ['catalog']],
    ['order-completed', {}, ['catalog', 'data-platform', 'ranking', 'shipping']],
    ['order-cancelled', {}, ['catalog', 'data-platform', 'payment', 'ranking', 'shipping']],
    ['order-cancelled', attributes.pending, ['catalog', 'data-platform', 'payment']],
    ['order-cancelled', attributes.completed, ['catalog', 'data-platform', 'payment', 'ranking', 'shipping']],
    ['order-cancelled', { ...attributes.pending, ...coupon }, ['catalog', 'coupon', 'data-platform', 'payment']],
    ['stock-reserved', {}, ['order', 'payment']],
    ['stock-reserved', coupon, ['coupon', 'order']],
    ['stock-rejected', {}, ['order']],
    ['stock-awaited', {}, ['order']],
    ['coupon-redeemed', {}, ['order', 'payment']],
    ['coupon-rejected', {}, ['order']],
    ['coupon-issue-requested', {}, ['coupon-issue']],
    ['coupon-issued', {}, []],
    ['coupon-policy-ended', {}, []],
    ['payment-completed', {}, ['order']],
    ['payment-failed', {}, ['order']],
    ['payment-refunded', {}, ['order']],
    ['points-charged', {}, []],
    ['product-changed', {}, ['ranking']],
    ['shipment-requested', {}, []],
    ['a-later-type', {}, []],
  ])('when a %s with %o comes, then the groups that handle it are %j', (type, more, expected) => {
    expect(hearers({ ce_type: type, ...more })).toEqual(expected);
  });
});
