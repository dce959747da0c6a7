import type { Policy } from '../domain/policy.ts';
import { type Door, type DoorSummary, type Holder, type Occupant, takenAt } from './door.ts';

/** The differences of a policy's door from the database. */
export interface DoorDifference {
  readonly couponPolicyId: number;
  /** Places taken long ago by users without a coupon: given back. */
  readonly stalePlaces: number;
  /** Coupons unknown to the door: added. */
  readonly missing: number;
  /** Coupons known to the door but not to the database: removed. */
  readonly unknown: number;
  /** The door's quantity if it differs from the policy's, else null. */
  readonly wrongTotal: number | null;
}

export interface Reconciliation {
  /** Policies with a loaded door. */
  readonly policies: number;
  /** Policies with differences. */
  readonly differences: readonly DoorDifference[];
  readonly executed: boolean;
}

interface Dependencies {
  readonly door: Door;
  readonly listPolicies: (after: number, take: number) => Promise<readonly Policy[]>;
  readonly findHolders: (couponPolicyId: number) => Promise<ReadonlyMap<number, string>>;
  /** Age from which a place without a written coupon counts as given up, ms; also that of one of the future. */
  readonly placeStaleMs: number;
  readonly now: () => number;
}

interface Options {
  readonly execute: boolean;
  /** Skips policies unchanged since this process last found them right. */
  readonly onlyChanged?: boolean;
  readonly signal?: AbortSignal;
}

const PAGE = 200;

/**
 * Makes the door equal to the database, for every policy with a state there. Any instance may do it at any time.
 *
 * Redis is read before the database: a coupon's id comes to the door after its commit, so an id that the database then
 * lacks is wrong. An entry is removed only while it still has the value that was read: a request that asks again gives
 * its place a new time, and a writer that still commits overwrites the place with its holder.
 */
export function createReconcileDoor(dependencies: Dependencies) {
  const { door, listPolicies } = dependencies;
  /** Policy → the state of its door and its counter when they were last found equal. */
  const seenRight = new Map<number, string>();

  return async ({ execute, onlyChanged = false, signal }: Options): Promise<Reconciliation> => {
    const differences: DoorDifference[] = [];
    let loaded = 0;
    for (let after = 0; !signal?.aborted; ) {
      const page = await listPolicies(after, PAGE);
      const summaries = page.length === 0 ? [] : await door.summaries(page.map((it) => it.couponPolicyId));
      for (const [index, policy] of page.entries()) {
        const summary = summaries[index];
        // Not loaded: the first request loads the policy before its door opens.
        if (summary?.total === undefined || signal?.aborted) continue;
        loaded++;
        // A lost place may have been replaced, so an equal number of places does not prove that they are the same.
        const state = `${door.generation} ${policy.issuedCount} ${summary.taken} ${summary.total}`;
        const atRest = policy.issuedCount === summary.taken;
        if (onlyChanged && atRest && seenRight.get(policy.couponPolicyId) === state) continue;
        const { difference, mend, equal } = await compare(dependencies, policy, summary);
        if (equal) {
          seenRight.set(policy.couponPolicyId, state);
          continue;
        }
        differences.push(difference);
        if (execute) await mend();
      }
      const last = page.at(-1);
      if (!last || page.length < PAGE) break;
      after = last.couponPolicyId;
    }
    return { policies: loaded, differences, executed: execute };
  };
}

/** The differences of a policy's door from the database, and the changes that remove them. */
async function compare(
  { door, findHolders, placeStaleMs, now }: Dependencies,
  { couponPolicyId, totalQuantity }: Policy,
  summary: DoorSummary,
) {
  const places = await door.places(couponPolicyId);
  const holders = await findHolders(couponPolicyId);
  const stale: Occupant[] = [];
  const unknown: Occupant[] = [];
  const missing: Holder[] = [];
  for (const [userId, value] of places) {
    if (holders.has(userId)) continue;
    const since = takenAt(value);
    if (since === undefined) unknown.push({ couponPolicyId, userId, value });
    // A place of the future was taken by a clock that has been set back since: nobody is known to use it.
    else if (!(Math.abs(now() - since) < placeStaleMs)) stale.push({ couponPolicyId, userId, value });
  }
  for (const [userId, couponId] of holders) {
    if (places.get(userId) !== couponId) missing.push({ couponPolicyId, userId, couponId });
  }
  const total = summary.total === totalQuantity ? null : (summary.total ?? null);
  const difference: DoorDifference = {
    couponPolicyId,
    stalePlaces: stale.length,
    missing: missing.length,
    unknown: unknown.length,
    wrongTotal: total,
  };
  async function mend(): Promise<void> {
    await door.confirm(missing);
    await door.remove([...stale, ...unknown]);
    if (total !== null) await door.open(couponPolicyId, totalQuantity, holders.size);
  }
  const equal = stale.length + missing.length + unknown.length === 0 && total === null;
  return { difference, mend, equal };
}

export type ReconcileDoor = ReturnType<typeof createReconcileDoor>;
