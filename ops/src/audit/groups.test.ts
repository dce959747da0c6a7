import { describe, expect, it } from '@jest/globals';
import type { EventType, Headers } from '@shop/events';
import { shippingSubscription } from '../../../examples/shipping/src/messaging/subscriptions.ts';
import { catalogSubscription } from '../../../services/catalog/src/messaging/subscriptions.ts';
import { couponSubscription, issueSubscription } from '../../../services/coupon/src/messaging/subscriptions.ts';
import { dataPlatformSubscription, orderSubscription } from '../../../services/order/src/messaging/subscriptions.ts';
import { paymentSubscription } from '../../../services/payment/src/messaging/subscriptions.ts';
import { rankingSubscription } from '../../../services/ranking/src/messaging/subscriptions.ts';
import { ALL_GROUPS } from './groups.ts';

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
  dataPlatformSubscription(notCalled),
  catalogSubscription({ store, outbox, now }),
  couponSubscription({ store, outbox, now }),
  paymentSubscription({ store, outbox, now }),
  issueSubscription(notCalled),
  rankingSubscription(notCalled),
  shippingSubscription({ store, outbox, now }),
];

describe('the groups that the audit knows', () => {
  it('are those of the services, with the types they handle', () => {
    const sorted = (groups: readonly { group: string; handles: readonly string[] }[]) =>
      groups
        .map(({ group, handles }) => ({ group, handles: [...handles].sort() }))
        .sort((a, b) => a.group.localeCompare(b.group));
    expect(sorted(ALL_GROUPS)).toEqual(sorted(SUBSCRIPTIONS));
  });

  it('want of those what the services want', () => {
    for (const { group, handles, wants } of SUBSCRIPTIONS) {
      const known = ALL_GROUPS.find((each) => each.group === group);
      for (const type of handles) {
        for (const couponId of [undefined, 'c']) {
          const headers: Headers = { ce_type: type, ...(couponId && { ce_couponid: couponId }) };
          const what = `${group}: ${type}, coupon ${couponId}`;
          expect([what, known?.wants?.(headers) ?? true]).toEqual([what, wants?.(headers) ?? true]);
        }
      }
    }
  });

  it.each([
    { ce_type: 'order-cancelled', ce_wascompleted: 'true' },
    { ce_type: 'order-cancelled', ce_wascompleted: 'false' },
    { ce_type: 'order-cancelled' },
    { ce_type: 'order-completed' },
  ])('want what the services want: %o', (headers) => {
    const { wants } = rankingSubscription(notCalled);
    expect(ALL_GROUPS.find((it) => it.group === 'ranking')?.wants?.(headers)).toBe(wants?.(headers));
    expect(wants?.(headers)).toBe(!('ce_wascompleted' in headers && headers.ce_wascompleted === 'false'));
  });
});
