import { placeholders, type SqlExecutor, type SqlValue } from '@shop/chassis';
import type { Coupon } from '../domain/coupon.ts';
import type { Policy } from '../domain/policy.ts';
import type { Ownership } from '../usecases/owners.ts';
import { type RowOf, selectDiscount, withDiscount } from './discount-columns.ts';

/** The columns of a Policy. */
export const POLICY = `coupon_policy_id AS couponPolicyId, ${selectDiscount()}, total_quantity AS totalQuantity,
  issued_count AS issuedCount, valid_days AS validDays, starts_at AS startsAt, ends_at AS endsAt, ended_at AS endedAt`;
const COUPON = `coupon_id AS couponId, coupon_policy_id AS couponPolicyId, user_id AS userId,
  ${selectDiscount()}, status, issued_at AS issuedAt, expires_at AS expiresAt`;

/** The coupons that users have of policies. A plain read, which waits for no lock. */
export async function findOwned(sql: SqlExecutor, owners: readonly Ownership[]): Promise<Coupon[]> {
  // Not IN over pairs, for which MariaDB does not use the index.
  const byPolicy = Map.groupBy(owners, (it) => it.couponPolicyId);
  const where: string[] = [];
  const params: SqlValue[] = [];
  for (const [couponPolicyId, ofPolicy] of byPolicy) {
    const userIds = [...new Set(ofPolicy.map((it) => it.userId))];
    where.push(`(coupon_policy_id = ? AND user_id IN (${placeholders(userIds.length)}))`);
    params.push(couponPolicyId, ...userIds);
  }
  const rows = await sql.query<RowOf<Coupon>>(
    `SELECT ${COUPON} FROM coupons FORCE INDEX (coupons_policy_user) WHERE ${where.join(' OR ')}`,
    params,
  );
  return rows.map(withDiscount);
}

/** A policy in its present state, not locked. */
export async function findPolicy(sql: SqlExecutor, couponPolicyId: number): Promise<Policy | undefined> {
  const [row] = await sql.query<RowOf<Policy>>(`SELECT ${POLICY} FROM coupon_policies WHERE coupon_policy_id = ?`, [
    couponPolicyId,
  ]);
  return row && withDiscount(row);
}

/** Up to `take` policies after the id `after`, by id; not locked. */
export async function listPolicies(sql: SqlExecutor, after: number, take: number): Promise<Policy[]> {
  const rows = await sql.query<RowOf<Policy>>(
    `SELECT ${POLICY} FROM coupon_policies WHERE coupon_policy_id > ? ORDER BY coupon_policy_id LIMIT ?`,
    [after, take],
  );
  return rows.map(withDiscount);
}

/** The holders of a policy's coupons: user id → coupon id. Read in pages, so that no statement takes long. */
export async function findHolders(sql: SqlExecutor, couponPolicyId: number): Promise<Map<number, string>> {
  const holders = new Map<number, string>();
  const size = 5_000;
  for (let after = 0; ; ) {
    const rows = await sql.query<{ userId: number; couponId: string }>(
      `SELECT user_id AS userId, coupon_id AS couponId FROM coupons FORCE INDEX (coupons_policy_user)
        WHERE coupon_policy_id = ? AND user_id > ? ORDER BY user_id LIMIT ?`,
      [couponPolicyId, after, size],
    );
    for (const { userId, couponId } of rows) holders.set(userId, couponId);
    const last = rows.at(-1);
    if (!last || rows.length < size) return holders;
    after = last.userId;
  }
}
