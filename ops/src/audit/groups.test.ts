import { describe, expect, it } from '@jest/globals';
import { catalogSubscription } from '../../../services/catalog/src/messaging/subscription.ts';
import { issueSubscription } from '../../../services/coupon/src/messaging/issue-subscription.ts';
import { dataPlatformSubscription, orderSubscription } from '../../../services/order/src/messaging/subscription.ts';
import { paymentSubscription } from '../../../services/payment/src/messaging/subscription.ts';
import { rankingSubscription } from '../../../services/ranking/src/messaging/subscription.ts';
import { GROUPS } from './groups.ts';

const notCalled = () => {
  throw new Error('only what is subscribed to is looked at');
};
const outbox = { append: notCalled };
const now = () => new Date();

describe('the groups that the audit knows', () => {
  it('are those of the services, with the types they handle', () => {
    const subscriptions = [
      orderSubscription(notCalled),
      dataPlatformSubscription(notCalled),
      catalogSubscription({ store: { load: notCalled, save: notCalled }, outbox, now }),
      paymentSubscription({ store: { load: notCalled, save: notCalled }, outbox, now }),
      issueSubscription(notCalled),
      rankingSubscription(notCalled),
    ];
    const sorted = (groups: readonly { group: string; handles: readonly string[] }[]) =>
      groups
        .map(({ group, handles }) => ({ group, handles: [...handles].sort() }))
        .sort((a, b) => a.group.localeCompare(b.group));
    expect(sorted(GROUPS)).toEqual(sorted(subscriptions));
  });

  it.each([
    { ce_type: 'order-cancelled', ce_wascompleted: 'true' },
    { ce_type: 'order-cancelled', ce_wascompleted: 'false' },
    { ce_type: 'order-cancelled' },
    { ce_type: 'order-completed' },
  ])('want what the services want: %o', (headers) => {
    const { wants } = rankingSubscription(notCalled);
    expect(GROUPS.find((it) => it.group === 'ranking')?.wants?.(headers)).toBe(wants?.(headers));
    expect(wants?.(headers)).toBe(!('ce_wascompleted' in headers && headers.ce_wascompleted === 'false'));
  });
});
