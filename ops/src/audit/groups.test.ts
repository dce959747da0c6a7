import { describe, expect, it } from '@jest/globals';
import { catalogSubscription } from '../../../services/catalog/src/messaging/subscription.ts';
import { dataPlatformSubscription, orderSubscription } from '../../../services/order/src/messaging/subscription.ts';
import { paymentSubscription } from '../../../services/payment/src/messaging/subscription.ts';
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
    ];
    const sorted = (groups: readonly { group: string; handles: readonly string[] }[]) =>
      groups
        .map(({ group, handles }) => ({ group, handles: [...handles].sort() }))
        .sort((a, b) => a.group.localeCompare(b.group));
    expect(sorted(GROUPS)).toEqual(sorted(subscriptions));
  });
});
