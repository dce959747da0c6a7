import { type Check, sqlCheck } from './check.ts';

/** CHARGE and REFUND add points, USE takes them. */
const SIGNED = `CASE h.type WHEN 'USE' THEN -h.amount ELSE h.amount END`;

/** Invariants 2 and 3, and 12 as far as the points show it. */
export const pointChecks: readonly Check[] = [
  sqlCheck({
    invariant: 2,
    name: 'balance-is-its-history',
    title: 'each balance is not negative, and is the sum of its history',
    counted: 'SELECT COUNT(*) AS counted FROM shop_payment.accounts',
    faults: `
      SELECT a.user_id AS id, CONCAT('balance ', a.balance, ', but its history adds up to ', COALESCE(h.total, 0)) AS detail
      FROM shop_payment.accounts a
      LEFT JOIN (SELECT h.user_id, SUM(${SIGNED}) AS total FROM shop_payment.point_history h GROUP BY h.user_id) h ON h.user_id = a.user_id
      WHERE a.balance < 0 OR a.balance <> COALESCE(h.total, 0)`,
  }),
  // A free order is a payment of 0, which needs no account.
  sqlCheck({
    invariant: 2,
    name: 'history-has-an-account',
    title: 'no history without its account',
    counted: 'SELECT COUNT(DISTINCT user_id) AS counted FROM shop_payment.point_history',
    faults: `
      SELECT h.user_id AS id, CONCAT(COUNT(*), ' entries of a user without an account') AS detail
      FROM shop_payment.point_history h LEFT JOIN shop_payment.accounts a ON a.user_id = h.user_id
      WHERE a.user_id IS NULL AND h.amount <> 0 GROUP BY h.user_id`,
  }),
  sqlCheck({
    invariant: 2,
    name: 'money-adds-up',
    title: 'charged − paid + refunded = all balances',
    counted: 'SELECT 1 AS counted',
    faults: `
      SELECT 'all' AS id,
             CONCAT('charged ', t.charged, ' - paid ', t.paid, ' + refunded ', t.refunded, ' = ', t.charged - t.paid + t.refunded, ', but the balances are ', t.balances) AS detail
      FROM (
        SELECT (SELECT COALESCE(SUM(amount), 0) FROM shop_payment.point_history WHERE type = 'CHARGE') AS charged,
               (SELECT COALESCE(SUM(paid_amount), 0) FROM shop_payment.payments WHERE status IN ('COMPLETED', 'REFUNDED')) AS paid,
               (SELECT COALESCE(SUM(paid_amount), 0) FROM shop_payment.payments WHERE status = 'REFUNDED') AS refunded,
               (SELECT COALESCE(SUM(balance), 0) FROM shop_payment.accounts) AS balances
      ) t
      WHERE t.charged - t.paid + t.refunded <> t.balances`,
  }),
  sqlCheck({
    invariant: 3,
    name: 'one-capture-one-refund',
    title: 'at most one capture and at most one refund an order',
    counted: 'SELECT COUNT(*) AS counted FROM shop_payment.payments WHERE order_id >= :first',
    faults: `
      SELECT h.order_id AS id, CONCAT(COUNT(*), ' ', h.type, ' entries') AS detail
      FROM shop_payment.point_history h
      WHERE h.order_id >= :first
      GROUP BY h.order_id, h.type HAVING COUNT(*) > 1`,
  }),
  sqlCheck({
    invariant: 3,
    name: 'payment-is-its-history',
    title:
      'each captured payment has its one USE of the same amount, each refunded one its one REFUND, and others have none',
    counted: 'SELECT COUNT(*) AS counted FROM shop_payment.payments WHERE order_id >= :first',
    faults: `
      SELECT p.order_id AS id,
             CONCAT(p.status, ' of ', p.paid_amount, ', history: used ', COALESCE(CAST(u.amount AS CHAR), 'nothing'), ', refunded ', COALESCE(CAST(r.amount AS CHAR), 'nothing')) AS detail
      FROM shop_payment.payments p
      LEFT JOIN shop_payment.point_history u ON u.order_id = p.order_id AND u.type = 'USE'
      LEFT JOIN shop_payment.point_history r ON r.order_id = p.order_id AND r.type = 'REFUND'
      WHERE p.order_id >= :first AND NOT (
           (p.status IN ('FAILED', 'VOID') AND u.id IS NULL AND r.id IS NULL)
        OR (p.status = 'COMPLETED' AND u.amount <=> p.paid_amount AND u.user_id <=> p.user_id AND r.id IS NULL)
        OR (p.status = 'REFUNDED' AND u.amount <=> p.paid_amount AND u.user_id <=> p.user_id
            AND r.amount <=> p.paid_amount AND r.user_id <=> p.user_id))`,
  }),
  sqlCheck({
    invariant: 3,
    name: 'history-has-a-payment',
    title: 'no points used or refunded without a payment',
    counted: `SELECT COUNT(*) AS counted FROM shop_payment.point_history WHERE order_id >= :first`,
    faults: `
      SELECT h.id, CONCAT(h.type, ' of ', h.amount, ' for order ', COALESCE(h.order_id, '(none)')) AS detail
      FROM shop_payment.point_history h LEFT JOIN shop_payment.payments p ON p.order_id = h.order_id
      WHERE h.type IN ('USE', 'REFUND') AND (h.order_id >= :first OR h.order_id IS NULL) AND p.order_id IS NULL`,
  }),
];
