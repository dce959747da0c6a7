import type { SqlReader } from '../sql.ts';
import { type Check, type CheckResult, MAX_SUSPECTS, type Suspect } from './check.ts';

/** The coupon holders of a policy as Redis has them, including reserved places. */
export interface DoorReader {
  /** The policy's quantity where the door has loaded its state, else undefined. */
  total(couponPolicyId: number): Promise<number | undefined>;
  /** User id → the coupon's id, or `?<ms since the epoch>` for a place taken whose coupon is not yet written. */
  holders(couponPolicyId: number): Promise<ReadonlyMap<number, string>>;
}

/** How long a place may stay without a coupon, ms: the service frees it after 30 s, at its next look. */
const PLACE_MS = 45_000;

/** Redis cannot be read. The audit reports this in a note, since Redis is not the source of truth. */
export class DoorUnreadableError extends Error {
  override readonly name = 'DoorUnreadableError';
}

export const DOOR_CHECK: Pick<Check, 'invariant' | 'name' | 'title'> = {
  invariant: 7,
  name: 'door-knows-the-coupons',
  title: 'where Redis has a policy’s holders, they are those of its coupons',
};

/**
 * Compares the open doors with the coupons. A door without state is left out: it is loaded before it lets anybody in.
 *
 * Redis is read before MySQL, and a coupon comes to the door after its commit: an entry of the door that MySQL lacks is
 * wrong. A coupon that the door lacks may be on its way: the caller looks twice.
 * @param graceMs 0 on an idle system, where no place is on its way; otherwise a place is a suspect once it should have
 * been given back
 * @throws {DoorUnreadableError}
 */
export async function compareDoors(sql: SqlReader, door: DoorReader, graceMs: number): Promise<CheckResult> {
  const policies = await sql.query<{ id: number; quantity: number }>(
    'SELECT coupon_policy_id AS id, total_quantity AS quantity FROM shop_coupon.coupon_policies ORDER BY coupon_policy_id',
  );
  const suspects: Suspect[] = [];
  let checked = 0;
  for (const { id, quantity } of policies) {
    const total = await door.total(id);
    if (total === undefined) continue;
    const held = await door.holders(id);
    const now = Date.now();
    const coupons = await readCoupons(sql, id);
    checked += Math.max(1, coupons.size);
    const suspect = (what: number | string, detail: string) => suspects.push({ id: `${id}: ${what}`, detail });
    if (total !== quantity) suspect('total', `the door has ${total}, the policy ${quantity}`);
    for (const [userId, value] of held) {
      const couponId = coupons.get(userId);
      if (couponId === value) continue;
      const since = value.startsWith('?') ? Number(value.slice(1)) : undefined;
      // A coupon that was just written reaches the door next.
      if (since !== undefined && now - since <= (graceMs > 0 ? PLACE_MS : 0)) continue;
      suspect(userId, `the door has ${value}, the coupon is ${couponId ?? 'none'}`);
    }
    for (const [userId, couponId] of coupons)
      if (!held.has(userId)) suspect(userId, `the door has nothing, the coupon is ${couponId}`);
  }
  return { checked, suspects: suspects.slice(0, MAX_SUSPECTS) };
}

async function readCoupons(sql: SqlReader, couponPolicyId: number): Promise<Map<number, string>> {
  const coupons = new Map<number, string>();
  const limit = 20_000;
  for (let after = -1; ; ) {
    const rows = await sql.query<{ userId: number; couponId: string }>(
      `SELECT user_id AS userId, coupon_id AS couponId FROM shop_coupon.coupons
        WHERE coupon_policy_id = ? AND user_id > ? ORDER BY user_id LIMIT ?`,
      [couponPolicyId, after, limit],
    );
    for (const { userId, couponId } of rows) coupons.set(userId, couponId);
    const last = rows.at(-1);
    if (!last || rows.length < limit) return coupons;
    after = last.userId;
  }
}
