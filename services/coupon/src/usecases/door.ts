import type { Ownership } from './owners.ts';

/** What the door says to one who asks. */
export type Entry =
  /** The user has this coupon. */
  | { readonly kind: 'HOLDS'; readonly couponId: string }
  /** A place is the user's now, or was already: the writer decides. `token` is what stands in it. */
  | { readonly kind: 'PLACE' | 'PENDING'; readonly token: string }
  | { readonly kind: 'SOLD_OUT' }
  /** Has none; no place was wanted. */
  | { readonly kind: 'NONE' }
  /** The door does not know the policy (any more): it must be loaded. */
  | { readonly kind: 'NOT_LOADED' };

export interface Knock extends Ownership {
  /** The policy's. A state with another total is not this policy's, and counts as not loaded. */
  readonly totalQuantity: number;
  /** False: only look whether the user has one. */
  readonly take: boolean;
}

/** A value to be taken out of a user's place, if it still stands there. */
export interface Occupant extends Ownership {
  readonly value: string;
}

export interface Holder extends Ownership {
  readonly couponId: string;
}

/**
 * The doorman: who holds a coupon or a place of a policy, in Redis. It only keeps the many from the database; what it
 * says may be old, and the database decides. Everything rejects with OutageError while Redis is away.
 *
 * Its layout is fixed, others read it: hash `coupon:{<policy>}:holders` user id → coupon id, or `?<epoch ms>` for a
 * place that is taken and not written yet; string `coupon:{<policy>}:total`, the quantity, there only while the state
 * is complete.
 */
export interface Door {
  /**
   * Rises whenever something that was written may be lost: a command failed, or the connection is a new one (a Redis
   * that was restarted may lack its last second). A policy's holders are then loaded again before the door is believed.
   */
  readonly generation: number;
  enter(knock: Knock): Promise<Entry>;
  /** Writes down who holds which coupon. */
  confirm(holders: readonly Holder[]): Promise<void>;
  /** Removes those values that still stand where they stood. @returns how many it removed */
  remove(occupants: readonly Occupant[]): Promise<number>;
  /** Opens the door for a policy whose `holders` are confirmed. @returns false if the state was lost meanwhile */
  open(couponPolicyId: number, totalQuantity: number, holders: number): Promise<boolean>;
  /** For each policy: its `total`, and how many places are taken. */
  summaries(policyIds: readonly number[]): Promise<readonly DoorSummary[]>;
  /** Every place of a policy: user id → its value. */
  places(couponPolicyId: number): Promise<Map<number, string>>;
}

export interface DoorSummary {
  readonly couponPolicyId: number;
  /** Undefined: not loaded. */
  readonly total: number | undefined;
  readonly taken: number;
}

/** When the place was taken, for one that is not written yet (ms since the epoch); undefined for a coupon. */
export function takenAt(value: string): number | undefined {
  return value.startsWith('?') ? Number(value.slice(1)) : undefined;
}
