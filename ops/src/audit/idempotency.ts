import { type Check, sqlCheck } from './check.ts';

/**
 * The table with the effect of a key's request, by schema. A key and its effect commit together, and a refusal gives
 * its key back, so every key has an effect; a unique index on the column prevents a second one.
 */
const EFFECTS = [
  { schema: 'shop_order', scope: `k.scope = 'POST /orders'`, table: 'orders', column: 'order_id' },
  { schema: 'shop_catalog', scope: `k.scope LIKE '% /products%'`, table: 'product_changes', column: 'request_id' },
  { schema: 'shop_payment', scope: `k.scope = 'POST /points/charge'`, table: 'point_history', column: 'request_id' },
  { schema: 'shop_coupon', scope: `k.scope = 'POST /coupon-policies'`, table: 'coupon_policies', column: 'request_id' },
] as const;

/** Invariant 12, as far as rows show it. */
export const idempotencyChecks: readonly Check[] = [
  ...EFFECTS.map(({ schema, scope, table, column }) =>
    sqlCheck({
      invariant: 12,
      name: `one-effect-a-key-${schema.replace('shop_', '')}`,
      title: `each idempotency key of ${schema} has one effect in ${table}`,
      counted: `SELECT COUNT(*) AS counted FROM ${schema}.idempotency_key k WHERE ${scope} AND k.created_at >= :since`,
      faults: `
        SELECT CONCAT(k.user_id, ' ', k.scope, ' ', k.idem_key) AS id, CONCAT('request ', k.request_id, ' has no effect') AS detail
        FROM ${schema}.idempotency_key k
        LEFT JOIN ${schema}.${table} e ON e.${column} = k.request_id
        WHERE ${scope} AND k.created_at >= :since AND e.${column} IS NULL`,
    }),
  ),
  sqlCheck({
    invariant: 12,
    name: 'cancel-keys-cancelled',
    title: 'an order that was cancelled under an idempotency key is CANCELLED',
    counted: `SELECT COUNT(*) AS counted FROM shop_order.idempotency_key k WHERE k.scope LIKE 'POST /orders/%/cancel' AND k.created_at >= :since`,
    faults: `
      SELECT o.order_id AS id, CONCAT('the key ', k.idem_key, ' cancelled it, but it is ', o.status) AS detail
      FROM shop_order.idempotency_key k
      JOIN shop_order.orders o ON o.order_id = SUBSTRING(k.scope, 14, 36)
      WHERE k.scope LIKE 'POST /orders/%/cancel' AND k.created_at >= :since AND o.status <> 'CANCELLED'`,
  }),
  sqlCheck({
    invariant: 12,
    name: 'each-event-once',
    title: 'an order’s history has each event once, and as many steps as its version says',
    counted: 'SELECT COUNT(*) AS counted FROM shop_order.orders WHERE order_id >= :first',
    faults: `
      SELECT o.order_id AS id,
             CONCAT('version ', o.version, ', but ', COALESCE(h.steps, 0), ' steps with ', COALESCE(h.events, 0), ' different events') AS detail
      FROM shop_order.orders o
      LEFT JOIN (SELECT order_id, COUNT(*) AS steps, COUNT(DISTINCT event_id) AS events
                 FROM shop_order.order_history WHERE order_id >= :first GROUP BY order_id) h ON h.order_id = o.order_id
      WHERE o.order_id >= :first AND NOT (h.steps <=> o.version AND h.events <=> o.version)`,
  }),
];
