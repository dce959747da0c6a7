import type { Coupon } from '../../services/coupon/src/domain/coupon.ts';
import type { Policy } from '../../services/coupon/src/domain/policy.ts';
import type { CouponStore } from '../../services/coupon/src/usecases/issue-coupons.ts';
import type { Ownership } from '../../services/coupon/src/usecases/owners.ts';
import type { RequestStore } from '../../services/coupon/src/usecases/request-issue.ts';
import { SimulatedCheckViolation } from './memory-catalog-store.ts';
import type { MemoryTransaction } from './memory-database.ts';
import type { CouponTables } from './memory-redemption-store.ts';

/** Issuing on memory, with the locks and constraints of `coupon-store.ts`. */
export function createMemoryCouponStore(tables: CouponTables): CouponStore<MemoryTransaction> {
  return {
    async lockPolicies(tx, ids) {
      await tx.statement(`lock policies ${ids.join(', ')}`);
      return await tx.lock(tables.policies, ids.map(String));
    },

    async findOwned(tx, owners) {
      await tx.statement(`who of ${owners.length} has a coupon`);
      return ownedAmong(tables, tx, owners);
    },

    async insertIssued(tx, coupons) {
      await tx.statement(`insert ${coupons.map((it) => it.couponId.slice(-4)).join(', ')}`);
      for (const coupon of coupons) {
        await tx.insert(tables.couponOwners, `${coupon.couponPolicyId} ${coupon.userId}`, true);
        const { status, ...rest } = coupon;
        if (status !== 'ISSUED') throw new Error('a new coupon is not used');
        await tx.insert(tables.coupons, coupon.couponId, { ...rest, status, revokedAt: null });
      }
      await tx.statement('raise the counters');
      for (const [couponPolicyId, issued] of Map.groupBy(coupons, (it) => it.couponPolicyId)) {
        const policy = tx.get(tables.policies, String(couponPolicyId));
        if (!policy) throw new Error(`no policy ${couponPolicyId}`);
        const issuedCount = policy.issuedCount + issued.length;
        if (issuedCount > policy.totalQuantity) throw new SimulatedCheckViolation(`policy ${couponPolicyId}`);
        await tx.put(tables.policies, String(couponPolicyId), { ...policy, issuedCount });
      }
    },
  };
}

export function createMemoryRequestStore(tables: CouponTables): RequestStore<MemoryTransaction> {
  return {
    async insertPending(tx, requests) {
      await tx.statement(`insert ${requests.length} requests`);
      for (const { requestId, couponPolicyId, userId } of requests) {
        const row = { requestId, couponPolicyId, userId, status: 'PENDING', couponId: null } as const;
        await tx.insert(tables.requests, requestId, row);
      }
    },

    async saveOutcomes(tx, decided) {
      await tx.statement(`save ${decided.map((it) => `${it.requestId.slice(-4)} ${it.status}`).join(', ')}`);
      for (const { requestId, couponPolicyId, userId, status, couponId } of decided)
        await tx.put(tables.requests, requestId, { requestId, couponPolicyId, userId, status, couponId });
    },
  };
}

/** The plain reads of `issue-reads.ts`, each a separate statement. */
export function createMemoryCouponReads(
  tables: CouponTables,
  transaction: <T>(work: (tx: MemoryTransaction) => Promise<T>) => Promise<T>,
) {
  const read = <T>(label: string, from: (tx: MemoryTransaction) => T): Promise<T> =>
    transaction(async (tx) => {
      await tx.statement(label);
      return from(tx);
    });
  return {
    findPolicy: (id: number): Promise<Policy | undefined> =>
      read(`read policy ${id}`, (tx) => tx.get(tables.policies, String(id))),
    listPolicies: (after: number, take: number): Promise<Policy[]> =>
      read('list policies', (tx) =>
        tx
          .scan(tables.policies)
          .filter((it) => it.couponPolicyId > after)
          .slice(0, take),
      ),
    findHolders: (couponPolicyId: number): Promise<Map<number, string>> =>
      read(`holders of ${couponPolicyId}`, (tx) => {
        const own = tx.scan(tables.coupons).filter((it) => it.couponPolicyId === couponPolicyId);
        return new Map(own.map((it) => [it.userId, it.couponId]));
      }),
    findOwned: (owners: readonly Ownership[]): Promise<Coupon[]> =>
      read(`how the coupons of ${owners.length} stand`, (tx) => ownedAmong(tables, tx, owners)),
  };
}

function ownedAmong(tables: CouponTables, tx: MemoryTransaction, owners: readonly Ownership[]): Coupon[] {
  return tx
    .scan(tables.coupons)
    .filter((coupon) =>
      owners.some((it) => it.couponPolicyId === coupon.couponPolicyId && it.userId === coupon.userId),
    );
}
