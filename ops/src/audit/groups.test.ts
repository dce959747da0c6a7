import { describe, expect, it } from '@jest/globals';
import type { EventType, Headers } from '@shop/events';
import { catalogSubscription } from '../../../services/catalog/src/messaging/subscription.ts';
import { couponSubscription } from '../../../services/coupon/src/messaging/subscription.ts';
import { orderSubscription } from '../../../services/order/src/messaging/subscription.ts';
import { paymentSubscription } from '../../../services/payment/src/messaging/subscription.ts';
import { GROUPS } from './groups.ts';

const notCalled = () => {
  throw new Error('only what is subscribed to is looked at');
};
const outbox = { append: notCalled };
const now = () => new Date();
const store = { load: notCalled, save: notCalled };

interface Subscribed {
  readonly group: string;
  readonly handles: readonly EventType[];
  readonly wants?: (headers: Headers) => boolean;
}
const SUBSCRIPTIONS: readonly Subscribed[] = [
  orderSubscription(notCalled),
  catalogSubscription({ store, outbox, now }),
  couponSubscription({ store, outbox, now }),
  paymentSubscription({ store, outbox, now }),
  { group: 'coupon-issue', handles: ['coupon-issue-requested'] },
];

describe('the groups that the audit knows', () => {
  it('are those of the services, with the types they handle', () => {
    const sorted = (groups: readonly { group: string; handles: readonly string[] }[]) =>
      groups
        .map(({ group, handles }) => ({ group, handles: [...handles].sort() }))
        .sort((a, b) => a.group.localeCompare(b.group));
    expect(sorted(GROUPS)).toEqual(sorted(SUBSCRIPTIONS));
  });

  it('want of those what the services want', () => {
    for (const { group, handles, wants } of SUBSCRIPTIONS) {
      const known = GROUPS.find((each) => each.group === group);
      for (const type of handles) {
        for (const couponId of [undefined, 'c']) {
          const headers: Headers = { ce_type: type, ...(couponId && { ce_couponid: couponId }) };
          const what = `${group}: ${type}, coupon ${couponId}`;
          expect([what, known?.wants?.(headers) ?? true]).toEqual([what, wants?.(headers) ?? true]);
        }
      }
    }
  });
});
