import type { PolicyEndStore } from '../../services/coupon/src/usecases/end-policy.ts';
import type { CouponStore } from '../../services/coupon/src/usecases/issue-coupons.ts';
import type { RevocationStore } from '../../services/coupon/src/usecases/revoke-coupons.ts';
import type { MemoryTransaction } from './memory-database.ts';
import type { CouponTables } from './memory-redemption-store.ts';

/** Ending on memory, with the locks and constraints of `policy-end-store.ts`. */
export function createMemoryEndStore(
  tables: CouponTables,
  coupons: Pick<CouponStore<MemoryTransaction>, 'lockPolicies'>,
): PolicyEndStore<MemoryTransaction> {
  return {
    lockPolicies: coupons.lockPolicies,

    async findEnds(tx, couponPolicyId) {
      await tx.statement(`ends of policy ${couponPolicyId}`);
      return tx.scan(tables.ends).filter((it) => it.couponPolicyId === couponPolicyId);
    },

    async insertEnd(tx, end) {
      await tx.statement(`end policy ${end.couponPolicyId}${end.revoke ? ', with its coupons' : ''}`);
      await tx.insert(tables.endWishes, `${end.couponPolicyId} ${end.revoke}`, true);
      await tx.insert(tables.ends, end.requestId, end);
      await tx.statement('mark the policy');
      const [policy] = await tx.lock(tables.policies, [String(end.couponPolicyId)]);
      if (!policy) throw new Error(`no policy ${end.couponPolicyId}`);
      await tx.put(tables.policies, String(end.couponPolicyId), { ...policy, endedAt: policy.endedAt ?? end.at });
    },
  };
}

/** Revoking on memory; each plain read is a separate statement. */
export function createMemoryRevocationStore(
  tables: CouponTables,
  transaction: <T>(work: (tx: MemoryTransaction) => Promise<T>) => Promise<T>,
): RevocationStore<MemoryTransaction> {
  return {
    findUndone: () =>
      transaction(async (tx) => {
        await tx.statement('what is to be revoked');
        return tx.scan(tables.ends).filter((it) => it.doneAt === null);
      }),

    findRevocable: (couponPolicyId, afterUserId, take) =>
      transaction(async (tx) => {
        await tx.statement(`coupons of ${couponPolicyId} to revoke after user ${afterUserId}`);
        return tx
          .scan(tables.coupons)
          .filter((it) => it.couponPolicyId === couponPolicyId && it.userId > afterUserId)
          .filter((it) => it.revokedAt === null)
          .sort((a, b) => a.userId - b.userId)
          .slice(0, take);
      }),

    async lockCoupons(tx, ids) {
      await tx.statement(`lock ${ids.length} coupons to revoke`);
      return await tx.lock(tables.coupons, ids);
    },

    async saveRevoked(tx, { requestId }, coupons) {
      await tx.statement(`revoke ${coupons.map((it) => it.couponId.slice(-4)).join(', ')}`);
      for (const coupon of coupons) await tx.put(tables.coupons, coupon.couponId, coupon);
      await tx.statement('count them');
      const [end] = await tx.lock(tables.ends, [requestId]);
      if (!end) throw new Error(`no end ${requestId}`);
      const revoked = coupons.filter((it) => it.status === 'REVOKED').length;
      await tx.put(tables.ends, requestId, { ...end, revokedCount: end.revokedCount + revoked });
    },

    async finish(tx, { requestId }, at) {
      await tx.statement('all are revoked');
      const [end] = await tx.lock(tables.ends, [requestId]);
      if (end) await tx.put(tables.ends, requestId, { ...end, doneAt: end.doneAt ?? at });
    },
  };
}
