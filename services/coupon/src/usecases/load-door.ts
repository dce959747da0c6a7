import { OutageError } from '@shop/chassis';
import type { Policy } from '../domain/policy.ts';
import type { Door } from './door.ts';

/** After being emptied this often during a load, Redis counts as away. */
const ATTEMPTS = 3;

interface Dependencies {
  readonly door: Door;
  /** The holders of a policy's coupons: user id → coupon id. */
  readonly findHolders: (couponPolicyId: number) => Promise<ReadonlyMap<number, string>>;
  /**
   * Whether a door that is open is believed before this process has loaded it; default true. Not after a recovery,
   * which tells the door nothing.
   */
  readonly believes?: boolean;
}

type Loadable = Pick<Policy, 'couponPolicyId' | 'totalQuantity'>;

export interface DoorLoader {
  /** Whether the door may be believed about the policy: no write of this process to it can be lost. */
  isCurrent(couponPolicyId: number): boolean;
  load(policy: Loadable): Promise<void>;
}

/**
 * Loads a policy's holders from the database and then opens its door, once for all simultaneous callers. Several
 * instances may do it together: they write the same. An issue that commits meanwhile is either read here, or writes its
 * holder itself after this began, and so after Redis was emptied.
 */
export function createDoorLoader({ door, findHolders, believes = true }: Dependencies): DoorLoader {
  const unloaded = believes ? 0 : -1;
  const loadedIn = new Map<number, number>();
  const loading = new Map<number, Promise<void>>();

  async function load({ couponPolicyId, totalQuantity }: Loadable): Promise<void> {
    const { generation } = door;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      // While Redis is away every request comes here: it must not wait for a long read that nobody can use.
      await door.check();
      const holders = await findHolders(couponPolicyId);
      await door.confirm([...holders].map(([userId, couponId]) => ({ couponPolicyId, userId, couponId })));
      if (await door.open(couponPolicyId, totalQuantity, holders.size)) {
        loadedIn.set(couponPolicyId, generation);
        return;
      }
    }
    throw new OutageError(`the holders of policy ${couponPolicyId} do not stay in redis`);
  }

  return {
    isCurrent: (couponPolicyId) => (loadedIn.get(couponPolicyId) ?? unloaded) === door.generation,
    load(policy) {
      const begun = loading.get(policy.couponPolicyId);
      if (begun) return begun;
      const all = load(policy).finally(() => loading.delete(policy.couponPolicyId));
      loading.set(policy.couponPolicyId, all);
      return all;
    },
  };
}
