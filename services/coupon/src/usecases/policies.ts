import type { Policy } from '../domain/policy.ts';

/** How long a read policy is used, ms: reading again costs little, and a new policy shows soon. */
const FRESH_MS = 1_000;
const MOST = 10_000;

/** The policies known to this process. */
export interface Policies {
  /** Undefined if there is none. While the database is away, the last answer is used. */
  find(couponPolicyId: number): Promise<Policy | undefined> | Policy | undefined;
  /** Whether the database has said that all coupons are issued. This is final, since the count never falls. */
  isSoldOut(couponPolicyId: number): boolean;
  soldOut(couponPolicyId: number): void;
  /** The database has said that the policy has ended: it is read again before the next request. */
  forget(couponPolicyId: number): void;
}

interface Known {
  readonly policy: Policy | undefined;
  readonly readAt: number;
}

/** @param now ms since any moment; by default a clock that is never set back */
export function createPolicies(
  read: (couponPolicyId: number) => Promise<Policy | undefined>,
  now = () => performance.now(),
): Policies {
  const known = new Map<number, Known>();
  const reading = new Map<number, Promise<Policy | undefined>>();
  const gone = new Set<number>();

  /** One read at a time for each policy, shared by all callers. */
  function refresh(id: number, last: Known | undefined): Promise<Policy | undefined> {
    const begun = reading.get(id);
    if (begun) return begun;
    const fresh = read(id)
      .then(
        (policy) => {
          if (policy && policy.issuedCount >= policy.totalQuantity) gone.add(id);
          if (known.size >= MOST) known.clear();
          known.set(id, { policy, readAt: now() });
          return policy;
        },
        (error: unknown) => {
          // A policy changes by its end only, and the database decides about that.
          if (last?.policy) return last.policy;
          throw error;
        },
      )
      .finally(() => reading.delete(id));
    reading.set(id, fresh);
    return fresh;
  }

  return {
    find(id) {
      const last = known.get(id);
      return last && now() - last.readAt < FRESH_MS ? last.policy : refresh(id, last);
    },
    isSoldOut: (id) => gone.has(id),
    soldOut: (id) => void gone.add(id),
    forget: (id) => void known.delete(id),
  };
}
