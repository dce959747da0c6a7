import { type Check, sqlCheck } from './check.ts';

/**
 * Invariant 4, as far as the shipments show it. A shipment may come later than its order, so an order without one is no
 * fault by itself; invariant 9 shows whether its event was lost.
 */
export const shippingChecks: readonly Check[] = [
  sqlCheck({
    invariant: 4,
    name: 'shipment-is-of-its-order',
    title: 'a shipment has the pieces of an order that completed, and is cancelled only where the order is',
    counted: 'SELECT COUNT(*) AS counted FROM shop_shipping.shipments WHERE order_id >= :first',
    faults: `
      SELECT s.order_id AS id, s.order_id AS order_key,
             CONCAT('shipment ', s.status, ' of ', s.pieces, ', but the order is ', COALESCE(o.status, 'unknown'), ' and has ', COALESCE(i.pieces, 0)) AS detail
      FROM shop_shipping.shipments s
      LEFT JOIN shop_order.orders o ON o.order_id = s.order_id
      LEFT JOIN (SELECT order_id, SUM(quantity) AS pieces FROM shop_order.order_items WHERE order_id >= :first GROUP BY order_id) i
        ON i.order_id = s.order_id
      WHERE s.order_id >= :first AND NOT (
            o.completed_at IS NOT NULL AND s.user_id <=> o.user_id
        AND (s.status = 'REQUESTED' OR o.status <=> 'CANCELLED')
        AND (s.status = 'VOID' OR s.pieces <=> i.pieces))`,
  }),
];
