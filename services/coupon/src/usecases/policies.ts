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
  /** When it was read, or could not be read again. */
  readonly readAt: number;
  /** Whether the last read failed: the next ones hold nobody up. */
  readonly isAway: boolean;
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
          known.set(id, { policy, readAt: now(), isAway: false });
          return policy;
        },
        (error: unknown) => {
          // A policy changes by its end only, and the database decides about that.
          if (!last?.policy) throw error;
          if (known.get(id) === last) known.set(id, { policy: last.policy, readAt: now(), isAway: true });
          return last.policy;
        },
      )
      .finally(() => reading.delete(id));
    reading.set(id, fresh);
    return fresh;
  }

  return {
    find(id) {
      const last = known.get(id);
      if (last && now() - last.readAt < FRESH_MS) return last.policy;
      const fresh = refresh(id, last);
      // A read of a database that is away takes seconds. It is asked on, and cannot reject: the policy is known.
      return last?.isAway ? last.policy : fresh;
    },
    isSoldOut: (id) => gone.has(id),
    soldOut: (id) => void gone.add(id),
    forget: (id) => void known.delete(id),
  };
}
