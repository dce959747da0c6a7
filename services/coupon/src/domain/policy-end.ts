import type { Policy } from './policy.ts';

/** An operator's wish: no more coupons of the policy, and, with `revoke`, its unused coupons can be used no more. */
export interface EndWish {
  /** UUIDv7, drawn by the caller. */
  readonly requestId: string;
  readonly couponPolicyId: number;
  readonly reason: string;
  readonly revoke: boolean;
}

/** A wish that was carried out. Of each policy there is one with `revoke` at most, and one without. */
export interface PolicyEnd extends EndWish {
  readonly at: Date;
  /** The coupons issued until then. It stays so: none is issued after the end. */
  readonly issuedCount: number;
  /** Coupons that were ISSUED and are REVOKED, up to now. */
  readonly revokedCount: number;
  /** When every coupon had been looked at; null while the job is at work. */
  readonly doneAt: Date | null;
}

/**
 * The end to write, undefined when `ends` has it: a policy that is revoked is ended too, so both wishes are repeats.
 * Its time is never before an earlier end, with which the policy ended: a clock may be set back between the two.
 * @param policy locked
 * @param ends the policy's earlier ones
 */
export function decideEnd(
  { issuedCount }: Policy,
  ends: readonly PolicyEnd[],
  wish: EndWish,
  now: Date,
): PolicyEnd | undefined {
  if (ends.some((it) => it.revoke || !wish.revoke)) return undefined;
  const at = new Date(Math.max(now.getTime(), ...ends.map((it) => it.at.getTime())));
  return { ...wish, at, issuedCount, revokedCount: 0, doneAt: wish.revoke ? null : at };
}
