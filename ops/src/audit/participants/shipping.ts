import { deriveEventId } from '@shop/events';
import type { SqlReader } from '../../sql.ts';
import { type AuditScope, type Check, type CheckResult, MAX_SUSPECTS, sqlCheck } from '../check.ts';
import { appliedAmong } from '../groups.ts';
import type { Participant } from '../participant.ts';

export const PARTICIPANT = {
  part: 'shipment',
  table: 'shipments',
  implies: { REQUESTED: ['shipment-requested'], CANCELLED: ['shipment-requested', 'shipment-cancelled'] },
  story: { begins: 'order-completed', what: `CONCAT('parcel of ', pieces, ' pieces')` },
  checks: checks(),
} as const satisfies Participant;

/** Invariant 4, as far as the shipments show it. */
function checks(): readonly Check[] {
  return [
    sqlCheck({
      invariant: 4,
      name: 'shipment-is-of-its-order',
      title: 'a shipment has the pieces of an order that completed, and is cancelled only where the order is',
      counted: 'SELECT COUNT(*) AS counted FROM shop_shipping.shipments WHERE order_id >= :first',
      faults: `
      SELECT s.order_id AS id,
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
    {
      invariant: 4,
      name: 'completed-is-shipped',
      title: 'an order whose completion shipping has applied has a shipment',
      run: findUnshipped,
    },
  ];
}

/**
 * A shipment may come later than its order, so only completions in the inbox of shipping count: their transaction must
 * have left a row. A letter that an operator discarded is in the inbox too, and is the operator's decision.
 */
async function findUnshipped(reader: SqlReader, scope: AuditScope): Promise<CheckResult> {
  const rows = await reader.query<{ id: string }>(
    `SELECT o.order_id AS id FROM shop_order.orders o
       LEFT JOIN shop_shipping.shipments s ON s.order_id = o.order_id
      WHERE o.order_id >= ? AND o.completed_at IS NOT NULL AND s.order_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM shop_shipping.dead_letter d WHERE d.consumer_group = 'shipping' AND d.message_key = o.order_id
                        AND d.status = 'DISCARDED' AND d.reason <> 'UNDECODABLE')
      LIMIT ${MAX_SUSPECTS}`,
    [scope.firstOrderId],
  );
  const events = new Map(rows.map(({ id }) => [deriveEventId(id, 'order-completed'), id]));
  const applied = await appliedAmong(reader, 'shipping', [...events.keys()]);
  const suspects = [...events].filter(([eventId]) => applied.has(eventId));
  return {
    checked: rows.length,
    suspects: suspects.map(([, id]) => ({
      id,
      detail: 'it completed and shipping has applied that, without a row',
    })),
  };
}
