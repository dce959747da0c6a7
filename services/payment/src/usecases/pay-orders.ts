import type { Outbox } from '@shop/events';
import { type Changes, decideBatch, keysOf, type Snapshot } from '../domain/batch.ts';
import type { SagaEvent } from '../domain/payment.ts';

/** Stores payments and accounts: MySQL in production, memory in the simulation. */
export interface PaymentStore<Tx> {
  /**
   * Locks and reads, until the transaction ends: the payments of `orderIds`, then the accounts of `userIds` and of the
   * found COMPLETED payments (a refund may be due). Rows that do not exist are absent. Both lists are sorted.
   */
  load(tx: Tx, keys: { readonly orderIds: readonly string[]; readonly userIds: readonly number[] }): Promise<Snapshot>;
  /** Writes a batch's changes to the rows that `load` locked. */
  save(tx: Tx, changes: Changes): Promise<void>;
}

interface Dependencies<Tx> {
  readonly store: PaymentStore<Tx>;
  readonly outbox: Pick<Outbox<Tx>, 'append'>;
  readonly now: () => Date;
}

/** Captures and refunds a whole batch of orders: load → decide → save and append, in the caller's transaction. */
export function createPayOrders<Tx>({ store, outbox, now }: Dependencies<Tx>) {
  return async (tx: Tx, events: readonly SagaEvent[]): Promise<void> => {
    const keys = keysOf(events);
    if (keys.orderIds.length === 0) return;
    const snapshot = await store.load(tx, keys);
    const decided = decideBatch(snapshot, events, now());
    await store.save(tx, decided.changes);
    if (decided.events.length > 0) await outbox.append(tx, decided.events);
  };
}
