import { type Check, sqlCheck } from './check.ts';

const JOINED = `
  FROM shop_order.orders o
  LEFT JOIN shop_catalog.reservations r ON r.order_id = o.order_id
  LEFT JOIN shop_payment.payments p ON p.order_id = o.order_id
  WHERE o.order_id >= :first`;

/** True where payment's and order's rows agree on a COMPLETED order. No dead letter explains that they do not. */
const PAID = `p.status <=> 'COMPLETED' AND p.paid_amount <=> o.total_amount - o.discount_amount AND p.user_id <=> o.user_id
        AND p.discount_amount <=> o.discount_amount
        AND o.paid_amount <=> p.paid_amount AND o.completed_at IS NOT NULL`;
/** True where the reservation has the order's user and amount, in whatever status. */
const RESERVED = 'r.total_amount <=> o.total_amount AND r.user_id <=> o.user_id';

/** True where a line of the catalog is that of the order. An order knows no prices until it has heard of them. */
const ALIKE = 'o.quantity <=> c.quantity AND (o.unit_price IS NULL OR o.unit_price = c.unit_price)';

/** Invariants 4, 5 and 6: the four schemas agree about each order. */
export const orderChecks: readonly Check[] = [
  sqlCheck({
    invariant: 4,
    name: 'completed-is-sold-and-paid',
    title: 'a COMPLETED order has a SOLD reservation and a COMPLETED payment of exactly total − discount',
    counted: `SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first AND status = 'COMPLETED'`,
    faults: `
      SELECT o.order_id AS id, IF(r.status = 'ACTIVE' AND ${RESERVED} AND ${PAID}, 'catalog', NULL) AS waits_for,
             CONCAT('total ', COALESCE(CAST(o.total_amount AS CHAR), 'unknown'), ' - discount ', COALESCE(CAST(o.discount_amount AS CHAR), 'unknown'),
                    '; reservation ', COALESCE(CONCAT(r.status, ' of ', r.total_amount), 'none'),
                    '; payment ', COALESCE(CONCAT(p.status, ' of ', p.paid_amount), 'none')) AS detail
      ${JOINED} AND o.status = 'COMPLETED' AND NOT (
            r.status <=> 'SOLD' AND ${RESERVED} AND ${PAID})`,
  }),
  sqlCheck({
    invariant: 4,
    name: 'reservation-lines-add-up',
    title: 'each reservation that holds or held stock has the lines of its order, and its total is their sum',
    counted: `SELECT COUNT(*) AS counted FROM shop_catalog.reservations WHERE order_id >= :first AND status IN ('ACTIVE', 'SOLD', 'RELEASED')`,
    faults: `
      SELECT r.order_id AS id,
             CONCAT(r.status, ' of ', r.total_amount, ', but its lines add up to ', COALESCE(l.total, 0), ' (', COALESCE(l.line_count, 0), ' lines, ',
                    COALESCE(l.alike, 0), ' with product, quantity and price of the order; that has ', COALESCE(i.line_count, 0), ')') AS detail
      FROM shop_catalog.reservations r
      LEFT JOIN (SELECT c.order_id, SUM(c.unit_price * c.quantity) AS total, COUNT(*) AS line_count, SUM(${ALIKE}) AS alike
                 FROM shop_catalog.reservation_lines c
                 LEFT JOIN shop_order.order_items o ON o.order_id = c.order_id AND o.product_id = c.product_id
                 WHERE c.order_id >= :first GROUP BY c.order_id) l ON l.order_id = r.order_id
      LEFT JOIN (SELECT order_id, COUNT(*) AS line_count
                 FROM shop_order.order_items WHERE order_id >= :first GROUP BY order_id) i ON i.order_id = r.order_id
      WHERE r.order_id >= :first AND r.status IN ('ACTIVE', 'SOLD', 'RELEASED')
        AND NOT (l.total <=> r.total_amount AND l.line_count <=> i.line_count AND l.alike <=> l.line_count)`,
  }),
  sqlCheck({
    invariant: 5,
    name: 'cancelled-holds-nothing',
    title: 'a CANCELLED order has no waiting, active or sold reservation and no unrefunded payment',
    counted: `SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first AND status = 'CANCELLED'`,
    faults: `
      SELECT o.order_id AS id,
             CONCAT_WS(',', IF(r.status IN ('WAITING', 'ACTIVE', 'SOLD'), 'catalog', NULL), IF(p.status = 'COMPLETED', 'payment', NULL)) AS waits_for,
             CONCAT('cancelled (', COALESCE(o.reason, 'no reason'), '), but reservation ', COALESCE(r.status, 'none'), ', payment ', COALESCE(p.status, 'none')) AS detail
      ${JOINED} AND o.status = 'CANCELLED' AND (r.status IN ('WAITING', 'ACTIVE', 'SOLD') OR p.status = 'COMPLETED')`,
  }),
  sqlCheck({
    invariant: 5,
    name: 'refund-is-known',
    title: 'a CANCELLED order knows of its refund, and another of none',
    counted: `SELECT COUNT(*) AS counted FROM shop_payment.payments WHERE order_id >= :first AND status = 'REFUNDED'`,
    faults: `
      SELECT o.order_id AS id, IF(o.status = 'CANCELLED' AND o.refunded_at IS NULL, 'order', NULL) AS waits_for,
             CONCAT(o.status, ', refunded ', COALESCE(o.refunded_at, 'never'), ', but payment ', COALESCE(p.status, 'none')) AS detail
      ${JOINED} AND (o.refunded_at IS NOT NULL) <> COALESCE(p.status = 'REFUNDED', FALSE)`,
  }),
  sqlCheck({
    invariant: 6,
    name: 'pending-within-deadline',
    title: 'no order is PENDING past its deadline',
    counted: `SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first AND status = 'PENDING'`,
    faults: `
      SELECT o.order_id AS id,
             CONCAT('PENDING for ', TIMESTAMPDIFF(SECOND, o.created_at, UTC_TIMESTAMP(3)), ' s; reservation ', COALESCE(r.status, 'none'), ', payment ', COALESCE(p.status, 'none')) AS detail
      ${JOINED} AND o.status = 'PENDING' AND TIMESTAMPDIFF(MICROSECOND, o.created_at, UTC_TIMESTAMP(3)) > :deadline`,
  }),
  sqlCheck({
    invariant: 6,
    name: 'state-is-known',
    title: 'orders, reservations, redemptions and payments are in states that exist',
    counted: 'SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first',
    faults: `
      SELECT t.id, t.detail FROM (
        SELECT order_id AS id, CONCAT('order ', status) AS detail FROM shop_order.orders
        WHERE order_id >= :first AND status NOT IN ('PENDING', 'COMPLETED', 'CANCELLED')
        UNION ALL SELECT order_id, CONCAT('reservation ', status) FROM shop_catalog.reservations
        WHERE order_id >= :first AND status NOT IN ('WAITING', 'ACTIVE', 'SOLD', 'RELEASED', 'REJECTED', 'VOID')
        UNION ALL SELECT order_id, CONCAT('redemption ', status) FROM shop_coupon.redemptions
        WHERE order_id >= :first AND status NOT IN ('REDEEMED', 'RETURNED', 'SPARED', 'REJECTED', 'VOID')
        UNION ALL SELECT order_id, CONCAT('payment ', status) FROM shop_payment.payments
        WHERE order_id >= :first AND status NOT IN ('COMPLETED', 'REFUNDED', 'FAILED', 'VOID')
      ) t`,
  }),
  sqlCheck({
    invariant: 6,
    name: 'reservation-has-an-order',
    title: 'no reservation, redemption or payment is without its order',
    counted: 'SELECT COUNT(*) AS counted FROM shop_catalog.reservations WHERE order_id >= :first',
    faults: `
      SELECT t.id, t.detail FROM (
        SELECT r.order_id AS id, CONCAT('reservation ', r.status, ' without an order') AS detail
        FROM shop_catalog.reservations r LEFT JOIN shop_order.orders o ON o.order_id = r.order_id
        WHERE r.order_id >= :first AND o.order_id IS NULL
        UNION ALL
        SELECT d.order_id, CONCAT('redemption ', d.status, ' without an order')
        FROM shop_coupon.redemptions d LEFT JOIN shop_order.orders o ON o.order_id = d.order_id
        WHERE d.order_id >= :first AND o.order_id IS NULL
        UNION ALL
        SELECT p.order_id, CONCAT('payment ', p.status, ' without an order')
        FROM shop_payment.payments p LEFT JOIN shop_order.orders o ON o.order_id = p.order_id
        WHERE p.order_id >= :first AND o.order_id IS NULL
      ) t`,
  }),
];
