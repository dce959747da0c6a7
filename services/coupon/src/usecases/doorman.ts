import { isOutage, OutageError } from '@shop/chassis';
import type { Policy } from '../domain/policy.ts';
import type { Door, Entry, Occupant } from './door.ts';
import type { DoorLoader } from './load-door.ts';

/** While the door is away, and while it lets in too many, its state is looked at again this often, ms. */
const MEND_EVERY_MS = 1_000;

interface Dependencies {
  readonly door: Door;
  readonly loader: DoorLoader;
  readonly logger: { error(details: object, message: string): void };
  /** ms since the epoch */
  readonly now: () => number;
}

/** The door as one who asks for a coupon needs it: loaded before it is believed, put right where it was wrong. */
export interface Doorman {
  /** @returns undefined while Redis is away */
  knock(policy: Policy, userId: number, take: boolean): Promise<Entry | undefined>;
  /** Takes a value out of a user's place. Should that fail, the reconciler does it. */
  clear(occupant: Occupant): Promise<void>;
  /** The door let one in for whom nothing was left: it does not know all holders. */
  mend(policy: Policy): void;
}

export function createDoorman({ door, loader, logger, now }: Dependencies): Doorman {
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
      const last = mendedAt.get(policy.couponPolicyId) ?? 0;
      if (now() - last < MEND_EVERY_MS) return;
      mendedAt.set(policy.couponPolicyId, now());
      loader.load(policy).catch(ignoreOutage);
    },
  };
}
