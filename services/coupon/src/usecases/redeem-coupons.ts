import type { Outbox } from '@shop/events';
import { type Changes, decideBatch, keysOf, type Snapshot } from '../domain/batch.ts';
import type { SagaEvent } from '../domain/redemption.ts';

/** Stores redemptions and coupons: MySQL in production, memory in the simulation. */
export interface RedemptionStore<Tx> {
  /**
   * Locks and reads, until the transaction ends: the redemptions of `orderIds`, then the coupons of `couponIds` and of
   * the found REDEEMED redemptions (they may be given back). Rows that do not exist are absent. Both lists are sorted.
   */
  load(
    tx: Tx,
    keys: { readonly orderIds: readonly string[]; readonly couponIds: readonly string[] },
  ): Promise<Snapshot>;
  /** Writes a batch's changes to the rows that `load` locked. */
  save(tx: Tx, changes: Changes): Promise<void>;
}

export interface RedeemCouponsDeps<Tx> {
  readonly store: RedemptionStore<Tx>;
  readonly outbox: Pick<Outbox<Tx>, 'append'>;
  readonly now: () => Date;
}

/**
 * Redeems and gives back the coupons of a whole batch of orders: load → decide → save and append, in the caller's
 * transaction.
 */
export function createRedeemCoupons<Tx>({ store, outbox, now }: RedeemCouponsDeps<Tx>) {
  return async (tx: Tx, events: readonly SagaEvent[]): Promise<void> => {
    const keys = keysOf(events);
    if (keys.orderIds.length === 0) return;
    const snapshot = await store.load(tx, keys);
    const decided = decideBatch(snapshot, events, now());
    await store.save(tx, decided.changes);
    if (decided.events.length > 0) await outbox.append(tx, decided.events);
  };
}
