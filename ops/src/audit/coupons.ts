import { discountOn, isSameWorth, worthText } from '../coupon-worth.ts';
import { type Check, sqlCheck } from './check.ts';

/** An order with the coupon it names, and the coupon service's redemption. */
const JOINED = `
  FROM shop_order.orders o
  LEFT JOIN shop_coupon.redemptions d ON d.order_id = o.order_id
  LEFT JOIN shop_coupon.coupons c ON c.coupon_id = o.coupon_id
  WHERE o.order_id >= :first`;

const STATE = `'redemption ', COALESCE(CONCAT(d.status, ' of ', COALESCE(CAST(d.discount_amount AS CHAR), 'nothing')), 'none'),
               '; coupon ', COALESCE(CONCAT(c.status, ' by ', COALESCE(c.order_id, 'no order')), 'none')`;

/** Invariants 4, 5 and 7, as far as the coupon rows show them. */
export const couponChecks: readonly Check[] = [
  sqlCheck({
    invariant: 4,
    name: 'completed-uses-its-coupon',
    title:
      'a COMPLETED order has its coupon USED by it, for exactly its discount, or SPARED where that is 0; without a coupon there is none',
    counted: `SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first AND status = 'COMPLETED'`,
    faults: `
      SELECT o.order_id AS id,
             CONCAT('names ', COALESCE(o.coupon_id, 'no coupon'), ', discount ', COALESCE(CAST(o.discount_amount AS CHAR), 'unknown'), '; ', ${STATE}) AS detail
      ${JOINED} AND o.status = 'COMPLETED' AND NOT (
           (o.coupon_id IS NULL AND d.order_id IS NULL AND o.discount_amount <=> 0)
        OR (d.status <=> 'REDEEMED' AND d.coupon_id <=> o.coupon_id AND d.user_id <=> o.user_id
            AND d.total_amount <=> o.total_amount AND d.discount_amount <=> o.discount_amount
            AND c.status <=> 'USED' AND c.order_id <=> o.order_id AND c.user_id <=> o.user_id
            AND o.discount_amount <=> ${discountOn('c', 'o.total_amount')})
        OR (d.status <=> 'SPARED' AND d.coupon_id <=> o.coupon_id AND d.user_id <=> o.user_id AND c.user_id <=> o.user_id
            AND d.total_amount <=> o.total_amount AND d.discount_amount <=> 0 AND o.discount_amount <=> 0
            AND ${discountOn('c', 'o.total_amount')} <=> 0 AND NOT (c.order_id <=> o.order_id)))`,
  }),
  sqlCheck({
    invariant: 4,
    name: 'coupon-is-used-once',
    title: 'a USED coupon is that of the one order that redeemed it, and a redeemed coupon is USED',
    counted: `SELECT COUNT(*) AS counted FROM shop_coupon.redemptions WHERE order_id >= :first`,
    faults: `
      SELECT t.id, t.detail FROM (
        SELECT c.coupon_id AS id, CONCAT('USED by ', c.order_id, ', which is ', COALESCE(o.status, 'no order'), ' and has ', COALESCE(CONCAT(d.status, ' ', d.coupon_id), 'redeemed nothing')) AS detail
        FROM shop_coupon.coupons c
        LEFT JOIN shop_coupon.redemptions d ON d.order_id = c.order_id
        LEFT JOIN shop_order.orders o ON o.order_id = c.order_id
        WHERE c.status = 'USED' AND c.order_id >= :first AND NOT (
          d.status <=> 'REDEEMED' AND d.coupon_id <=> c.coupon_id AND d.user_id <=> c.user_id AND o.coupon_id <=> c.coupon_id)
        UNION ALL
        SELECT d.coupon_id, CONCAT('redeemed by ', d.order_id, ', but ', COALESCE(CONCAT(c.status, ' by ', COALESCE(c.order_id, 'no order')), 'unknown'))
        FROM shop_coupon.redemptions d
        LEFT JOIN shop_coupon.coupons c ON c.coupon_id = d.coupon_id
        WHERE d.status = 'REDEEMED' AND d.order_id >= :first AND NOT (c.status <=> 'USED' AND c.order_id <=> d.order_id)
      ) t`,
  }),
  sqlCheck({
    invariant: 5,
    name: 'cancelled-keeps-no-coupon',
    title: 'a CANCELLED order uses no coupon any more',
    counted: `SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first AND status = 'CANCELLED'`,
    faults: `
      SELECT o.order_id AS id, 'coupon' AS waits_for, CONCAT('cancelled (', COALESCE(o.reason, 'no reason'), '), but ', ${STATE}) AS detail
      ${JOINED} AND o.status = 'CANCELLED' AND (d.status <=> 'REDEEMED' OR (c.status <=> 'USED' AND c.order_id <=> o.order_id))`,
  }),
  sqlCheck({
    invariant: 7,
    name: 'issued-within-quantity',
    title: 'issued coupons are no more than the policy’s quantity, one a user, and as many as its counter says',
    counted: 'SELECT COUNT(*) AS counted FROM shop_coupon.coupon_policies',
    faults: `
      SELECT p.coupon_policy_id AS id,
             CONCAT('quantity ', p.total_quantity, ', counter ', p.issued_count, ', but ', COALESCE(c.coupons, 0), ' coupons of ', COALESCE(c.users, 0), ' users') AS detail
      FROM shop_coupon.coupon_policies p
      LEFT JOIN (SELECT coupon_policy_id, COUNT(*) AS coupons, COUNT(DISTINCT user_id) AS users
                 FROM shop_coupon.coupons GROUP BY coupon_policy_id) c ON c.coupon_policy_id = p.coupon_policy_id
      WHERE NOT (p.issued_count = COALESCE(c.coupons, 0) AND p.issued_count = COALESCE(c.users, 0)
                 AND p.issued_count BETWEEN 0 AND p.total_quantity)`,
  }),
  sqlCheck({
    invariant: 7,
    name: 'coupon-is-its-policys',
    title: 'each coupon has its policy and is worth what that says',
    counted: 'SELECT COUNT(*) AS counted FROM shop_coupon.coupons',
    faults: `
      SELECT c.coupon_id AS id, CONCAT('policy ', c.coupon_policy_id, ', worth ', ${worthText('c')}, ', but the policy is ', COALESCE(CONCAT('worth ', ${worthText('p')}), 'unknown')) AS detail
      FROM shop_coupon.coupons c LEFT JOIN shop_coupon.coupon_policies p ON p.coupon_policy_id = c.coupon_policy_id
      WHERE NOT (${isSameWorth('p', 'c')})`,
  }),
  sqlCheck({
    invariant: 7,
    name: 'ended-issues-no-more',
    title: 'a policy that was ended has issued no coupon since',
    counted: 'SELECT COUNT(*) AS counted FROM shop_coupon.coupon_policies WHERE ended_at IS NOT NULL',
    faults: `
      SELECT p.coupon_policy_id AS id,
             CONCAT('ended ', COALESCE(p.ended_at, 'never'), ', counter ', p.issued_count, '; its wish: ', COALESCE(CONCAT(e.created_at, ', counter ', e.issued_count), 'none')) AS detail
      FROM shop_coupon.coupon_policies p
      LEFT JOIN shop_coupon.coupon_policy_ends e ON e.coupon_policy_id = p.coupon_policy_id
      WHERE (p.ended_at IS NOT NULL OR e.request_id IS NOT NULL)
        AND NOT (p.ended_at <=> (SELECT MIN(f.created_at) FROM shop_coupon.coupon_policy_ends f WHERE f.coupon_policy_id = p.coupon_policy_id)
                 AND e.issued_count <=> p.issued_count)`,
  }),
  sqlCheck({
    invariant: 7,
    name: 'revoked-as-wished',
    title: 'coupons are revoked where their policy is, and only there',
    counted: 'SELECT COUNT(*) AS counted FROM shop_coupon.coupons WHERE revoked_at IS NOT NULL',
    faults: `
      SELECT c.coupon_id AS id,
             CONCAT(c.status, IF(c.revoked_at IS NULL, ', not revoked', ', revoked'), '; its policy ', COALESCE(CONCAT('was revoked, done ', COALESCE(e.done_at, 'not yet')), 'was not')) AS detail
      FROM shop_coupon.coupons c
      LEFT JOIN shop_coupon.coupon_policy_ends e ON e.coupon_policy_id = c.coupon_policy_id AND e.revokes = 1
      WHERE (e.request_id IS NULL AND c.revoked_at IS NOT NULL)
         OR (c.status = 'REVOKED' AND c.revoked_at IS NULL)
         OR (c.status NOT IN ('USED', 'REVOKED') AND c.revoked_at IS NOT NULL)
         OR (e.done_at IS NOT NULL AND c.revoked_at IS NULL)`,
  }),
];
