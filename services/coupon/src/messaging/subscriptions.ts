import type { Transaction } from '@shop/chassis';
import { type CommitHooks, causedBy, type Subscription } from '@shop/events';
import { createRedeemCoupons, type RedeemCouponsDeps } from '../usecases/redeem-coupons.ts';
import type { createIssueFromLog } from '../usecases/request-issue.ts';

/**
 * What coupon hears of orders that name one: stock is reserved, so the coupon is used; the order is dead, so it is
 * given back. Most orders name none: those are told by their headers and never decoded.
 */
export function couponSubscription<Tx>(
  dependencies: RedeemCouponsDeps<Tx>,
): Subscription<Tx, 'stock-reserved' | 'order-cancelled'> {
  return {
    group: 'coupon',
    handles: ['stock-reserved', 'order-cancelled'],
    wants: (headers) => headers.ce_couponid !== undefined,
    // Orders with a coupon wait for this, but no longer than it: a few come as they are, many share a look at the
    // topics.
    patienceMs: 40,
    handle: createRedeemCoupons(dependencies),
  };
}

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
