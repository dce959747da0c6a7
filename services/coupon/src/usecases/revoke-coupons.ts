import type { Transactor } from '@shop/chassis';
import type { PolicyEnd } from '../domain/policy-end.ts';
import { type RedeemableCoupon, revoke } from '../domain/redemption.ts';
import type { Holder } from './door.ts';

/** Most coupons of one transaction: an order that names one of them waits for no more than this. */
const BATCH = 500;

/** Revoking in one schema: MySQL in production, memory in the simulation. */
export interface RevocationStore<Tx> {
  /** The wishes to revoke that are not done. A plain read. */
  findUndone(): Promise<readonly PolicyEnd[]>;
  /** Coupons of the policy without `revokedAt`, by user id, after `afterUserId`. A plain read. */
  findRevocable(couponPolicyId: number, afterUserId: number, take: number): Promise<readonly Holder[]>;
  /** Locks the coupons in the order of their ids, as redeeming does. `ids` is sorted. */
  lockCoupons(tx: Tx, ids: readonly string[]): Promise<readonly RedeemableCoupon[]>;
  /** Writes locked coupons that were revoked at one time, and adds those that are REVOKED to the wish's count. */
  saveRevoked(tx: Tx, end: PolicyEnd, coupons: readonly RedeemableCoupon[]): Promise<void>;
  /** Writes that every coupon was looked at, unless it is written. */
  finish(tx: Tx, end: PolicyEnd, at: Date): Promise<void>;
}

/** Called first in each transaction; rejects when this process may not write any more. */
export type Fence<Tx> = (tx: Tx) => Promise<void>;

interface Dependencies<Tx> {
  readonly transactor: Transactor<Tx>;
  readonly revocations: RevocationStore<Tx>;
  readonly now: () => Date;
  /** Default 500. */
  readonly batch?: number;
}

/**
 * The job that revokes the coupons of revoked policies, a bounded batch a transaction. It begins again after a crash:
 * coupons that were revoked are not found again, and no new ones come, since the policy has ended. Two instances may do
 * it together: they meet on the coupons' rows, as orders do, and what the first has revoked the second leaves alone.
 * A coupon that is used, given back or expires meanwhile is found in any state. @returns how many became REVOKED
 */
export function createRevokeCoupons<Tx>({ transactor, revocations, now, batch = BATCH }: Dependencies<Tx>) {
  async function revokeAll(end: PolicyEnd, signal: AbortSignal | undefined, fence: Fence<Tx>): Promise<number> {
    let revoked = 0;
    for (let after = 0; !signal?.aborted; ) {
      const found = await revocations.findRevocable(end.couponPolicyId, after, batch);
      const last = found.at(-1);
      if (!last) {
        await transactor.transaction(async (tx) => {
          await fence(tx);
          await revocations.finish(tx, end, now());
        });
        return revoked;
      }
      revoked += await transactor.transaction(async (tx) => {
        await fence(tx);
        const locked = await revocations.lockCoupons(tx, found.map((it) => it.couponId).sort());
        const at = now();
        const changed = locked.map((it) => revoke(it, at)).filter((it, index) => it !== locked[index]);
        if (changed.length > 0) await revocations.saveRevoked(tx, end, changed);
        return changed.filter((it) => it.status === 'REVOKED').length;
      });
      after = last.userId;
    }
    return revoked;
  }

  return async (signal?: AbortSignal, fence: Fence<Tx> = async () => {}): Promise<number> => {
    let revoked = 0;
    for (const end of await revocations.findUndone()) {
      if (signal?.aborted) break;
      revoked += await revokeAll(end, signal, fence);
    }
    return revoked;
  };
}
