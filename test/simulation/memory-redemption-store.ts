import type { Policy } from '../../services/coupon/src/domain/policy.ts';
import type { PolicyEnd } from '../../services/coupon/src/domain/policy-end.ts';
import type { RedeemableCoupon, Redemption } from '../../services/coupon/src/domain/redemption.ts';
import type { RedemptionStore } from '../../services/coupon/src/usecases/redeem-coupons.ts';
import type { DecidedRequest } from '../../services/coupon/src/usecases/request-issue.ts';
import { type MemoryTransaction, Table } from './memory-database.ts';

export interface RequestRow {
  readonly requestId: string;
  readonly couponPolicyId: number;
  readonly userId: number;
  readonly status: 'PENDING' | DecidedRequest['status'];
  readonly couponId: string | null;
}

/** The coupon service's own tables. */
export class CouponTables {
  readonly coupons = new Table<RedeemableCoupon>('coupons');
  readonly redemptions = new Table<Redemption>('redemptions');
  readonly policies = new Table<Policy>('coupon_policies');
  /** The unique key of the coupons: policy and user. */
  readonly couponOwners = new Table<true>('coupons_policy_user', { locksGaps: true });
  readonly requests = new Table<RequestRow>('coupon_requests');
  readonly ends = new Table<PolicyEnd>('coupon_policy_ends');
  /** The unique key of the ends: policy and wish. */
  readonly endWishes = new Table<true>('coupon_policy_ends_wish', { locksGaps: true });
}

export function createMemoryRedemptionStore(tables: CouponTables): RedemptionStore<MemoryTransaction> {
  return {
    async load(tx, { orderIds, couponIds }) {
      await tx.statement(`lock ${orderIds.length} redemptions`);
      const redemptions = await tx.lock(tables.redemptions, orderIds);
      const wanted = new Set(couponIds);
      for (const redemption of redemptions) if (redemption.status === 'REDEEMED') wanted.add(redemption.couponId);
      await tx.statement(`lock ${wanted.size} coupons`);
      const coupons = await tx.lock(tables.coupons, [...wanted].sort());
      return {
        redemptions: new Map(redemptions.map((it) => [it.orderId, it])),
        coupons: new Map(coupons.map((it) => [it.couponId, it])),
      };
    },

    async save(tx, { created, changed, coupons }) {
      await tx.statement(`save ${[...created, ...changed].map((it) => `${it.orderId} ${it.status}`).join(', ')}`);
      for (const redemption of created) await tx.insert(tables.redemptions, redemption.orderId, redemption);
      for (const redemption of changed) await tx.put(tables.redemptions, redemption.orderId, redemption);
      await tx.statement(`save ${coupons.map((it) => `${it.couponId} ${it.status}`).join(', ')}`);
      for (const coupon of coupons) await tx.put(tables.coupons, coupon.couponId, coupon);
    },
  };
}
