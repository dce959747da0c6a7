import { deriveEventId } from '@shop/events';
import type { Step } from '../../services/order/src/domain/batch.ts';
import type { Order } from '../../services/order/src/domain/order.ts';
import type { NewOrders, OrderStore } from '../../services/order/src/usecases/ports.ts';
import { type MemoryTransaction, Table } from './memory-database.ts';

export interface HistoryRow {
  readonly orderId: string;
  readonly seq: number;
  readonly eventId: string;
  readonly type: string;
}

/** The order service's own tables. */
export class OrderTables {
  readonly orders = new Table<Order>('orders');
  /** Keyed by (order, seq), like the primary key. */
  readonly history = new Table<HistoryRow>('order_history');
  /** When each order first ended, ms since the epoch, by no machine's clock. */
  readonly endedAt = new Map<string, number>();
}

export function createMemoryNewOrders(tables: OrderTables): NewOrders<MemoryTransaction> {
  return {
    async insert(tx, orders, steps) {
      await tx.statement(`insert ${orders.length} orders`);
      for (const order of orders) await tx.insert(tables.orders, order.orderId, order);
      await insertSteps(tables, tx, steps);
    },
  };
}

export function createMemoryOrderStore(tables: OrderTables): OrderStore<MemoryTransaction> {
  return {
    async load(tx, orderIds) {
      await tx.statement(`lock ${orderIds.length} orders`);
      const orders = await tx.lock(tables.orders, [...orderIds].sort());
      return new Map(orders.map((order) => [order.orderId, order]));
    },

    async loadExpired(tx, createdBefore, limit) {
      await tx.statement('find expired orders');
      const expired = tx
        .scan(tables.orders)
        .filter((order) => order.status === 'PENDING' && order.createdAt <= createdBefore)
        .sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
      await tx.statement('lock expired orders');
      const ids = expired.slice(0, limit).map((order) => order.orderId);
      const locked = await tx.lockFree(tables.orders, ids.sort(), limit);
      return new Map(locked.filter((order) => order.status === 'PENDING').map((order) => [order.orderId, order]));
    },

    async save(tx, { orders, steps }) {
      await tx.statement(`save ${orders.map((order) => `${order.orderId} ${order.status}`).join(', ')}`);
      for (const order of orders) await tx.put(tables.orders, order.orderId, order);
      await insertSteps(tables, tx, steps);
    },
  };
}

async function insertSteps(tables: OrderTables, tx: MemoryTransaction, steps: readonly Step[]): Promise<void> {
  for (const { orderId, seq, eventId, type } of steps) {
    const row = { orderId, seq, eventId: eventId ?? deriveEventId(orderId, type), type };
    await tx.insert(tables.history, `${orderId}/${seq}`, row);
  }
}
