import type { Transactor } from '@shop/chassis';
import type { PolicyEnd } from '../domain/policy-end.ts';
import { createRevokeCoupons, type Fence, type RevocationStore } from './revoke-coupons.ts';

interface Dependencies<Tx> {
  readonly transactor: Transactor<Tx>;
  readonly revocations: RevocationStore<Tx>;
  /** Counts from the rows what the wish has revoked. */
  readonly recount: (tx: Tx, end: PolicyEnd) => Promise<void>;
  readonly now: () => Date;
}

/**
 * Revokes again in a schema restored from a backup, since no event tells what the job had done. The first step comes
 * before any order is decided: a coupon that was revoked must not be used after all, and one that a cancelled order
 * used becomes REVOKED. The second comes after that, since what was given back counts. In between the wish is not done,
 * so a recovery that begins again repeats both. Each transaction asks first whether this recovery is still the running
 * one.
 */
export function createRepeatRevocations<Tx>({ transactor, revocations, recount, now }: Dependencies<Tx>) {
  const undone = { ...revocations, finish: async () => {} };
  const revoke = createRevokeCoupons({ transactor, revocations: undone, now });
  return {
    async revoke(signal: AbortSignal, fence: Fence<Tx>): Promise<void> {
      await revoke(signal, fence);
    },
    async finish(signal: AbortSignal, fence: Fence<Tx>): Promise<void> {
      for (const end of await revocations.findUndone()) {
        if (signal.aborted) return;
        await transactor.transaction(async (tx) => {
          await fence(tx);
          await recount(tx, end);
          await revocations.finish(tx, end, now());
        });
      }
    },
  };
}
