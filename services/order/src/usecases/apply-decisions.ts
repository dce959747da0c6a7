import { type BatchInput, type Changes, decideBatch } from '../domain/batch.ts';
import type { Order } from '../domain/order.ts';
import type { OrderDeps } from './ports.ts';

/** Decides on locked orders, writes the changes and appends the events, all in `tx`. */
export async function applyDecisions<Tx>(
  { store, outbox, now, changed, ended }: OrderDeps<Tx>,
  tx: Tx,
  locked: ReadonlyMap<string, Order>,
  inputs: readonly BatchInput[],
): Promise<Changes> {
  const changes = decideBatch(locked, inputs, now());
  if (changes.orders.length === 0) return changes;
  await store.save(tx, changes);
  await outbox.append(tx, changes.events);
  changed?.(tx, changes.orders);
  const over = changes.orders.filter((order) => order.status !== locked.get(order.orderId)?.status);
  if (over.length > 0) ended?.(tx, over);
  return changes;
}
