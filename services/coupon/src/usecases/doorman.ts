import { isOutage, OutageError } from '@shop/chassis';
import type { Policy } from '../domain/policy.ts';
import type { Door, Entry, Occupant } from './door.ts';
import type { DoorLoader } from './load-door.ts';

/** Interval of loading the door again while it is away or admits too many, ms. */
const MEND_EVERY_MS = 1_000;

interface Dependencies {
  readonly door: Door;
  readonly loader: DoorLoader;
  readonly logger: { error(details: object, message: string): void };
  /** ms since any moment; by default a clock that is never set back. */
  readonly now?: (() => number) | undefined;
}

/** The door for one request: loaded before it is believed, corrected where it was wrong. */
export interface Doorman {
  /** @returns undefined while Redis is away */
  knock(policy: Policy, userId: number, take: boolean): Promise<Entry | undefined>;
  /** Removes a value from a user's place. If this fails, the reconciler does it. */
  clear(occupant: Occupant): Promise<void>;
  /** Loads the door again: it admitted a user although none was left, so it does not know all holders. */
  mend(policy: Policy): void;
}

export function createDoorman({ door, loader, logger, now = () => performance.now() }: Dependencies): Doorman {
  const mendedAt = new Map<number, number>();

  function ignoreOutage(error: unknown): void {
    if (error instanceof OutageError || isOutage(error)) return;
    logger.error({ err: error }, 'the door could not be mended; the reconciler will try');
  }

  return {
    async knock(policy, userId, take) {
      const { couponPolicyId, totalQuantity } = policy;
      const knock = { couponPolicyId, totalQuantity, userId, take };
      try {
        if (!loader.isCurrent(couponPolicyId)) await loader.load(policy);
        const entry = await door.enter(knock);
        if (entry.kind !== 'NOT_LOADED') return entry;
        await loader.load(policy);
        const second = await door.enter(knock);
        return second.kind === 'NOT_LOADED' ? undefined : second;
      } catch (error) {
        if (error instanceof OutageError) return undefined;
        throw error;
      }
    },
    async clear(occupant) {
      await door.remove([occupant]).catch(ignoreOutage);
    },
    mend(policy) {
      const last = mendedAt.get(policy.couponPolicyId) ?? Number.NEGATIVE_INFINITY;
      if (now() - last < MEND_EVERY_MS) return;
      mendedAt.set(policy.couponPolicyId, now());
      loader.load(policy).catch(ignoreOutage);
    },
  };
}
