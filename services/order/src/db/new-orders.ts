import { insertRows, type Transaction } from '@shop/chassis';
import type { NewOrders } from '../usecases/ports.ts';
import { insertSteps } from './history-rows.ts';
import { ORDER_COLUMNS, toRow } from './order-rows.ts';

/** Inserts new orders with their lines and first steps, into MySQL: three multi-row statements for any number. */
export const sqlNewOrders: NewOrders<Transaction> = {
  async insert(tx, orders, steps) {
    await insertRows(tx, 'orders', ORDER_COLUMNS, orders.map(toRow));
    const lines = orders.flatMap((order) => order.lines.map((line) => [order.orderId, line.productId, line.quantity]));
    await insertRows(tx, 'order_items', ['order_id', 'product_id', 'quantity'], lines);
    await insertSteps(tx, steps);
  },
};
