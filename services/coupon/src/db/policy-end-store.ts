import { placeholders, type SqlExecutor, type Transaction } from '@shop/chassis';
import type { PolicyEnd } from '../domain/policy-end.ts';
import type { PolicyEndStore } from '../usecases/end-policy.ts';
import type { RevocationStore } from '../usecases/revoke-coupons.ts';
import { sqlCouponStore } from './coupon-store.ts';
import { lockCoupons } from './redemption-store.ts';

const END = `request_id AS requestId, coupon_policy_id AS couponPolicyId, revokes, reason, issued_count AS issuedCount,
  revoked_count AS revokedCount, created_at AS at, done_at AS doneAt`;

type EndRow = Omit<PolicyEnd, 'revoke'> & { readonly revokes: number };
const toEnd = ({ revokes, ...row }: EndRow): PolicyEnd => ({ ...row, revoke: revokes === 1 });

export const sqlPolicyEndStore: PolicyEndStore<Transaction> = {
  lockPolicies: sqlCouponStore.lockPolicies,

  async findEnds(tx, couponPolicyId) {
    const rows = await tx.query<EndRow>(
      `SELECT ${END} FROM coupon_policy_ends WHERE coupon_policy_id = ? ORDER BY created_at, revokes`,
      [couponPolicyId],
    );
    return rows.map(toEnd);
  },

  async insertEnd(tx, { requestId, couponPolicyId, revoke, reason, issuedCount, at, doneAt }) {
    await tx.execute(
      `INSERT INTO coupon_policy_ends (request_id, coupon_policy_id, revokes, reason, issued_count, created_at, done_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      [requestId, couponPolicyId, revoke ? 1 : 0, reason, issuedCount, at, doneAt],
    );
    await tx.execute(
      'UPDATE coupon_policies SET ended_at = LEAST(COALESCE(ended_at, ?), ?) WHERE coupon_policy_id = ?',
      [at, at, couponPolicyId],
    );
  },
};

/** @param sql for the plain reads */
export function createRevocationStore(sql: SqlExecutor): RevocationStore<Transaction> {
  return {
    async findUndone() {
      const rows = await sql.query<EndRow>(
        `SELECT ${END} FROM coupon_policy_ends WHERE done_at IS NULL ORDER BY created_at`,
      );
      return rows.map(toEnd);
    },

    findRevocable: (couponPolicyId, afterUserId, take) =>
      sql.query(
        `SELECT coupon_policy_id AS couponPolicyId, user_id AS userId, coupon_id AS couponId
           FROM coupons FORCE INDEX (coupons_policy_user)
          WHERE coupon_policy_id = ? AND user_id > ? AND revoked_at IS NULL
          ORDER BY user_id LIMIT ?`,
        [couponPolicyId, afterUserId, take],
      ),

    lockCoupons,

    async saveRevoked(tx, { requestId }, coupons) {
      // An unused one changes its status, a used one keeps it. All have the same time.
      const [first] = coupons;
      const ids = coupons.map((it) => it.couponId);
      await tx.execute(
        `UPDATE coupons FORCE INDEX (PRIMARY) SET status = IF(status = 'USED', status, 'REVOKED'), revoked_at = ?
          WHERE coupon_id IN (${placeholders(ids.length)}) ORDER BY coupon_id`,
        [first?.revokedAt ?? null, ...ids],
      );
      const revoked = coupons.filter((it) => it.status === 'REVOKED').length;
      await tx.execute('UPDATE coupon_policy_ends SET revoked_count = revoked_count + ? WHERE request_id = ?', [
        revoked,
        requestId,
      ]);
    },

    async finish(tx, { requestId }, at) {
      await tx.execute('UPDATE coupon_policy_ends SET done_at = ? WHERE request_id = ? AND done_at IS NULL', [
        at,
        requestId,
      ]);
    },
  };
}

/**
 * Counts anew what a revocation that was repeated has revoked: the coupons that are REVOKED, but for those that an
 * order gave back after the end. Read from the rows, since no event tells how far the job was when.
 */
export async function recountRevoked(tx: Transaction, { requestId, couponPolicyId, at }: PolicyEnd): Promise<void> {
  await tx.execute(
    `UPDATE coupon_policy_ends SET revoked_count = (
       SELECT COUNT(*) FROM coupons c WHERE c.coupon_policy_id = ? AND c.status = 'REVOKED' AND NOT EXISTS (
         SELECT 1 FROM redemptions r WHERE r.coupon_id = c.coupon_id AND r.status = 'RETURNED' AND r.updated_at >= ?))
      WHERE request_id = ?`,
    [couponPolicyId, at, requestId],
  );
}
