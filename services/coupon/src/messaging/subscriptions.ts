import type { Transaction } from '@shop/chassis';
import { type CommitHooks, causedBy, type DescribedGroup, type OwnFacts, type Subscription } from '@shop/events';
import { COUPON_FACTS } from '../domain/facts.ts';
import type { createApplyFacts } from '../usecases/apply-facts.ts';
import { createRedeemCoupons, type RedeemCouponsDeps } from '../usecases/redeem-coupons.ts';
import type { createRepeatRevocations } from '../usecases/repeat-revocations.ts';
import type { createIssueFromLog } from '../usecases/request-issue.ts';

/** Its groups, as the audit, the operators' commands and the documents know them. */
export const GROUPS: readonly DescribedGroup[] = [
  { subscription: couponSubscription, summary: 'Uses the coupons of orders, or gives them back.' },
  { subscription: issueSubscription, summary: 'Issues coupons that were asked for over the log.' },
];

/**
 * Coupon consumes stock-reserved (the coupon is used) and order-cancelled (it is given back) of orders that name a
 * coupon. Most orders name none: their events are skipped by their headers and never decoded.
 */
export function couponSubscription<Tx>(
  dependencies: RedeemCouponsDeps<Tx>,
): Subscription<Tx, 'stock-reserved' | 'order-cancelled'> {
  return {
    group: 'coupon',
    handles: ['stock-reserved', 'order-cancelled'],
    wants: (headers) => headers.ce_couponid !== undefined,
    // Orders with a coupon wait at most this long: few events come as they are, many share one fetch.
    patienceMs: 40,
    handle: createRedeemCoupons(dependencies),
  };
}

/**
 * Coupons requested over the log. A separate group, so that a flash sale does not delay orders. Its topic is keyed by
 * policy, so one bad request must not park a whole sale.
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

interface FactsDependencies {
  readonly apply: ReturnType<typeof createApplyFacts<Transaction>>;
  readonly revocations: ReturnType<typeof createRepeatRevocations<Transaction>>;
}

/** The events coupon has published, for a schema restored from a backup. */
export function couponFacts({ apply, revocations }: FactsDependencies): OwnFacts<(typeof COUPON_FACTS)[number]> {
  return {
    group: 'coupon',
    causeGroup: (type) => (type === 'coupon-issued' ? 'coupon-issue' : 'coupon'),
    types: COUPON_FACTS,
    apply,
    afterFacts: revocations.revoke,
    atEnd: revocations.finish,
  };
}
