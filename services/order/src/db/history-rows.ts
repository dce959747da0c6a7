import { insertRows, type Transaction } from '@shop/chassis';
import { deriveEventId } from '@shop/events';
import type { Step } from '../domain/batch.ts';

/** Adds the steps of orders to their histories. */
export async function insertSteps(tx: Transaction, steps: readonly Step[]): Promise<void> {
  const rows = steps.map((step) => [
    step.orderId,
    step.seq,
    step.eventId ?? deriveEventId(step.orderId, step.type),
    step.type,
    JSON.stringify(step.data),
    step.at,
  ]);
  await insertRows(tx, 'order_history', ['order_id', 'seq', 'event_id', 'type', 'data', 'happened_at'], rows);
}
