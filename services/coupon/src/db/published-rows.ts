import { keysOfRequests } from '@shop/chassis';
import { type NewEvent, type PublishedRows, pagesAfter } from '@shop/events';
import type { Coupon } from '../domain/coupon.ts';
import type { IssueRequest } from '../domain/issue.ts';
import type { PolicyEnd } from '../domain/policy-end.ts';
import { couponRedeemed, couponRejected, type Redemption } from '../domain/redemption.ts';
import { type NewPolicy, policyCreated } from '../usecases/add-policy.ts';
import { policyEnded } from '../usecases/end-policy.ts';
import { couponIssued } from '../usecases/issue-coupons.ts';
import { issueRequested } from '../usecases/request-issue.ts';
import { type RowOf, selectDiscount, withDiscount } from './discount-columns.ts';
import { type RedemptionRow, toRedemption } from './redemption-store.ts';

type PolicyRow = RowOf<NewPolicy & { couponPolicyId: number; requestId: string; at: Date }>;
type CouponRow = RowOf<Omit<Coupon, 'status'> & { byRequest: number }>;

/** The coupon service's events, from redemptions, policies, coupons and the requests that go over the log. */
export const couponPublished: readonly PublishedRows[] = [
  {
    types: ['coupon-redeemed', 'coupon-rejected'],
    async *read(sql, since) {
      const rows = pagesAfter<RedemptionRow & { at: Date }>((last, limit) =>
        sql.query(
          `SELECT order_id AS orderId, coupon_id AS couponId, user_id AS userId, status, reason, total_amount AS totalAmount,
                  discount_amount AS discountAmount, created_at AS at
             FROM redemptions WHERE status <> 'VOID' AND created_at >= ? AND order_id > ? ORDER BY order_id LIMIT ?`,
          [since, last?.orderId ?? '', limit],
        ),
      );
      for await (const page of rows) {
        yield page.flatMap(({ at, ...row }) => {
          const event = ofRedemption(toRedemption(row), at);
          return event ? [{ event, at }] : [];
        });
      }
    },
  },
  {
    types: ['coupon-policy-created'],
    partly: 'coupon-policy-created has its idempotencyKey and requestHash only while the key is kept (null afterwards)',
    async *read(sql, since) {
      const rows = pagesAfter<PolicyRow>((last, limit) =>
        sql.query(
          `SELECT coupon_policy_id AS couponPolicyId, name, ${selectDiscount()}, total_quantity AS totalQuantity,
                  valid_days AS validDays, starts_at AS startsAt, ends_at AS endsAt, request_id AS requestId, created_at AS at
             FROM coupon_policies WHERE created_at >= ? AND coupon_policy_id > ? ORDER BY coupon_policy_id LIMIT ?`,
          [since, last?.couponPolicyId ?? 0, limit],
        ),
      );
      for await (const page of rows) {
        const keys = await keysOfRequests(sql, page);
        yield page.map(withDiscount).map((policy) => ({
          event: policyCreated({ ...policy, createdAt: policy.at }, keys.get(policy.requestId)),
          at: policy.at,
        }));
      }
    },
  },
  {
    types: ['coupon-policy-ended'],
    async *read(sql, since) {
      // An end that revokes comes after one that does not.
      const rows = pagesAfter<Omit<PolicyEnd, 'revoke' | 'revokedCount' | 'doneAt'> & { revokes: number }>(
        (last, limit) =>
          sql.query(
            `SELECT request_id AS requestId, coupon_policy_id AS couponPolicyId, revokes, reason, issued_count AS issuedCount,
                  created_at AS at FROM coupon_policy_ends
            WHERE created_at >= ? AND (coupon_policy_id > ? OR (coupon_policy_id = ? AND revokes > ?))
            ORDER BY coupon_policy_id, revokes LIMIT ?`,
            [since, last?.couponPolicyId ?? 0, last?.couponPolicyId ?? 0, last?.revokes ?? 0, limit],
          ),
      );
      for await (const page of rows)
        yield page.map(({ revokes, ...end }) => ({
          event: policyEnded({ ...end, revoke: revokes === 1 }),
          at: end.at,
        }));
    },
  },
  {
    types: ['coupon-issued'],
    partly: 'coupon-issued has byRequest only while the request is kept (seven days; false afterwards)',
    async *read(sql, since) {
      const rows = pagesAfter<CouponRow>((last, limit) =>
        sql.query(
          `SELECT c.coupon_id AS couponId, c.coupon_policy_id AS couponPolicyId, c.user_id AS userId, ${selectDiscount('c')},
                  c.issued_at AS issuedAt, c.expires_at AS expiresAt, r.request_id IS NOT NULL AS byRequest
             FROM coupons c LEFT JOIN coupon_requests r ON r.request_id = c.coupon_id
            WHERE c.issued_at >= ? AND c.coupon_id > ? ORDER BY c.coupon_id LIMIT ?`,
          [since, last?.couponId ?? '', limit],
        ),
      );
      for await (const page of rows) {
        yield page.map(withDiscount).map(({ byRequest, ...coupon }) => ({
          event: couponIssued(coupon, byRequest === 1),
          at: coupon.issuedAt,
        }));
      }
    },
  },
  {
    types: ['coupon-issue-requested'],
    partly: 'coupon-issue-requested is there only while its request is kept: seven days after its decision',
    async *read(sql, since) {
      const rows = pagesAfter<IssueRequest & { at: Date }>((last, limit) =>
        sql.query(
          `SELECT request_id AS requestId, coupon_policy_id AS couponPolicyId, user_id AS userId, created_at AS at
             FROM coupon_requests WHERE created_at >= ? AND request_id > ? ORDER BY request_id LIMIT ?`,
          [since, last?.requestId ?? '', limit],
        ),
      );
      for await (const page of rows) yield page.map((row) => ({ event: issueRequested(row), at: row.at }));
    },
  },
];

function ofRedemption(redemption: Redemption, at: Date): NewEvent | undefined {
  if ('totalAmount' in redemption) return couponRedeemed(redemption, at);
  return redemption.status === 'REJECTED' ? couponRejected(redemption) : undefined;
}
