import type { Ownership } from './owners.ts';

/** The door's answer to a user. */
export type Entry =
  /** The user has this coupon. */
  | { readonly kind: 'HOLDS'; readonly couponId: string }
  /** The user has a place, new or from before: the writer decides. `token` is its value. */
  | { readonly kind: 'PLACE' | 'PENDING'; readonly token: string }
  | { readonly kind: 'SOLD_OUT' }
  /** The user has none, and no place was wanted. */
  | { readonly kind: 'NONE' }
  /** The door does not know the policy, or no longer: it must be loaded. */
  | { readonly kind: 'NOT_LOADED' };

export interface Knock extends Ownership {
  /** The policy's quantity. A state with another total counts as not loaded. */
  readonly totalQuantity: number;
  /** False: only check whether the user has one. */
  readonly take: boolean;
}

/** A value to be removed from a user's place, if it is still there. */
export interface Occupant extends Ownership {
  readonly value: string;
}

export interface Holder extends Ownership {
  readonly couponId: string;
}

/**
 * The doorman in Redis: the holders and places of each policy. It only keeps the crowd from the database; its answers
 * may be old, and the database decides. Everything rejects with OutageError while Redis is away.
 *
 * Its layout is fixed, since others read it: hash `coupon:{<policy>}:holders` user id → coupon id, or `?<epoch ms>` for
 * a place taken without a written coupon; string `coupon:{<policy>}:total`, the quantity, present only while the state
 * is complete.
 */
export interface Door {
  /**
   * Rises whenever a write may be lost: a command failed, or the connection is new (a restarted Redis may lack its last
   * second). A policy's holders are then loaded again before the door is believed.
   */
  readonly generation: number;
  enter(knock: Knock): Promise<Entry>;
  /** Resolves if Redis answers now. Called before work that would be in vain without it. */
  check(): Promise<void>;
  /** Writes the holders of coupons. */
  confirm(holders: readonly Holder[]): Promise<void>;
  /** Removes values that are still in their places. @returns how many it removed */
  remove(occupants: readonly Occupant[]): Promise<number>;
  /** Opens the door for a policy whose `holders` are confirmed. @returns false if the state was lost meanwhile */
  open(couponPolicyId: number, totalQuantity: number, holders: number): Promise<boolean>;
  /** For each policy: its `total`, and the number of taken places. */
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

/** When the place was taken, if its coupon is not yet written (ms since the epoch); undefined for a coupon. */
export function takenAt(value: string): number | undefined {
  return value.startsWith('?') ? Number(value.slice(1)) : undefined;
}
