import { insertRows, placeholders, type Transaction } from '@shop/chassis';
import type { Shipment } from '../domain/shipment.ts';
import type { ShipmentStore } from '../usecases/ship-orders.ts';

const COLUMNS = ['order_id', 'user_id', 'status', 'pieces', 'created_at', 'updated_at'];

/**
 * Shipments in MySQL: at most three statements a batch, locks by order id.
 *
 * A new row is inserted plainly. Should two instances hold events of one order for a moment (after a rebalance), the
 * second gets a duplicate key: its batch rolls back and runs again on the row that the first left.
 */
export const sqlShipmentStore: ShipmentStore<Transaction> = {
  async load(tx, orderIds) {
    const rows = await tx.query<Shipment>(
      `SELECT order_id AS orderId, user_id AS userId, status, pieces
         FROM shipments FORCE INDEX (PRIMARY) WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id FOR UPDATE`,
      orderIds,
    );
    return new Map(rows.map((row) => [row.orderId, row]));
  },

  async save(tx, { created, changed }, at) {
    const row = ({ orderId, userId, status, pieces }: Shipment) => [orderId, userId, status, pieces, at, at];
    if (created.length > 0) await insertRows(tx, 'shipments', COLUMNS, created.map(row));
    // These rows exist and are locked, so the upsert is an update: many rows, one statement.
    if (changed.length > 0) {
      await insertRows(tx, 'shipments', COLUMNS, changed.map(row), {
        onDuplicateUpdate: 'status = VALUES(status), updated_at = VALUES(updated_at)',
      });
    }
  },
};
