import type { Transaction } from '@shop/chassis';
import { type CommitHooks, causedBy, type Subscription } from '@shop/events';
import type { createIssueFromLog } from '../usecases/request-issue.ts';

/**
 * Coupons that were asked for over the log. A group of its own, so that a flash sale does not stand in front of orders;
 * its topic is keyed by policy, so one bad request must not park a whole sale.
 */
export function issueSubscription<Tx extends CommitHooks = Transaction>(
  issue: ReturnType<typeof createIssueFromLog<Tx>>,
): Subscription<Tx, 'coupon-issue-requested'> {
  return {
    group: 'coupon-issue',
    handles: ['coupon-issue-requested'],
    parks: false,
    async handle(tx, events) {
      const requests = events.map((event) => {
        const { requestId, userId, couponPolicyId } = event.data;
        return { requestId, userId, couponPolicyId, cause: causedBy(event) };
      });
      await issue(tx, requests);
    },
  };
}
