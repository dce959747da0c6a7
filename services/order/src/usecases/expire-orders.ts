import type { Transactor } from '@shop/chassis';
import { applyDecisions } from './apply-decisions.ts';
import type { OrderDeps } from './ports.ts';

const BATCH = 200;

/**
 * Cancels orders that have been PENDING for `deadlineMs` or longer, batch by batch. Any number of instances may run it
 * at once: each skips rows that another holds. `now` is the database's clock, as for the order's creation.
 * @returns how many it cancelled
 */
export function createExpireOrders<Tx>(deps: OrderDeps<Tx> & { transactor: Transactor<Tx>; deadlineMs: number }) {
  const expireBatch = (): Promise<number> =>
    deps.transactor.transaction(async (tx) => {
      const createdBefore = new Date(deps.now().getTime() - deps.deadlineMs);
      const locked = await deps.store.loadExpired(tx, createdBefore, BATCH);
      const inputs = [...locked.values()].map(({ orderId, traceparent }) => ({
        orderId,
        input: { type: 'deadline-checked', deadlineMs: deps.deadlineMs } as const,
        eventId: null,
        ...(traceparent ? { cause: { traceparent } } : {}),
      }));
      const { orders } = await applyDecisions(deps, tx, locked, inputs);
      return orders.length;
    });

  return async (): Promise<number> => {
    let total = 0;
    for (;;) {
      const expired = await expireBatch();
      total += expired;
      if (expired < BATCH) return total;
    }
  };
}

/** Looks for expired orders only while the oldest PENDING order, as last measured, is past its deadline. */
export function createExpireOverdue({
  expireOrders,
  oldestMs,
  deadlineMs,
}: {
  readonly expireOrders: () => Promise<number>;
  readonly oldestMs: () => number;
  readonly deadlineMs: number;
}) {
  return async (): Promise<void> => {
    if (oldestMs() >= deadlineMs) await expireOrders();
  };
}
