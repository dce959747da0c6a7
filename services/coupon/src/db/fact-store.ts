import { insertRows, placeholders, restoreIdempotencyKeys, type SqlValue, type Transaction } from '@shop/chassis';
import type { Coupon } from '../domain/coupon.ts';
import type { RedeemableCoupon } from '../domain/redemption.ts';
import type { FactStore } from '../usecases/apply-facts.ts';
import { sqlCouponStore } from './coupon-store.ts';
import { DISCOUNT_COLUMNS, discountValues } from './discount-columns.ts';
import { findOwned } from './issue-reads.ts';
import { sqlPolicyEndStore } from './policy-end-store.ts';
import { lockCoupons, lockRedemptions, REDEMPTION_COLUMNS, redemptionRow, saveCoupons } from './redemption-store.ts';
import { restoreRequests } from './request-store.ts';

const POLICY_COLUMNS = [
  'coupon_policy_id',
  'name',
  ...DISCOUNT_COLUMNS,
  'total_quantity',
  'valid_days',
  'starts_at',
  'ends_at',
  'request_id',
  'created_at',
];

/** Restored rows in MySQL, each with the times of its own events. Upserts update rows that `load` has locked. */
export const sqlFactStore: FactStore<Transaction> = {
  async load(tx, { policyIds, endIds, requestIds, couponIds, owners, orderIds }) {
    const policies = await find<{ id: number; requestId: string }>(
      tx,
      'coupon_policy_id AS id, request_id AS requestId FROM coupon_policies WHERE coupon_policy_id',
      policyIds,
    );
    const ends = await find<{ id: string }>(tx, 'request_id AS id FROM coupon_policy_ends WHERE request_id', endIds);
    const requests = await find<{ id: string }>(
      tx,
      'request_id AS id FROM coupon_requests WHERE request_id',
      requestIds,
    );
    const owned = owners.length > 0 ? await findOwned(tx, owners) : [];
    const ids = [...new Set([...couponIds, ...owned.map((it) => it.couponId)])].sort();
    const coupons = ids.length > 0 ? await lockCoupons(tx, ids) : [];
    const users = coupons.flatMap((it) => (it.status === 'USED' ? it.orderId : []));
    const orders = [...new Set([...orderIds, ...users])].sort();
    const redemptions = orders.length > 0 ? await lockRedemptions(tx, orders) : [];
    return {
      policies: new Map(policies.map((it) => [it.id, it.requestId])),
      ends: new Set(ends.map((it) => it.id)),
      requests: new Set(requests.map((it) => it.id)),
      coupons: new Map(coupons.map((it) => [it.couponId, it])),
      redemptions: new Map(redemptions.map((it) => [it.orderId, it])),
    };
  },

  async save(tx, { policies, ends, requests, issued, changed, redemptions }) {
    const policyRows = policies.map((it) => [
      ...[it.couponPolicyId, it.name, ...discountValues(it.discount), it.totalQuantity, it.validDays],
      ...[it.startsAt, it.endsAt, it.requestId, it.createdAt],
    ]);
    if (policyRows.length > 0) await insertRows(tx, 'coupon_policies', POLICY_COLUMNS, policyRows);
    if (issued.length > 0) await sqlCouponStore.insertIssued(tx, issued.map(asIssued));
    for (const end of ends) await sqlPolicyEndStore.insertEnd(tx, end);
    if (requests.length > 0) await restoreRequests(tx, requests);
    if (changed.length > 0) await saveCoupons(tx, changed);
    const redemptionRows = redemptions.map((it) => redemptionRow(it.redemption, it.createdAt, it.updatedAt));
    if (redemptionRows.length === 0) return;
    await insertRows(tx, 'redemptions', REDEMPTION_COLUMNS, redemptionRows, {
      onDuplicateUpdate: 'status = VALUES(status), updated_at = VALUES(updated_at)',
    });
  },

  restoreKeys: restoreIdempotencyKeys,
};

/** @param what the rest of the SELECT, up to the column that holds one of the ids */
async function find<Row>(tx: Transaction, what: string, ids: readonly SqlValue[]): Promise<Row[]> {
  if (ids.length === 0) return [];
  return await tx.query<Row>(`SELECT ${what} IN (${placeholders(ids.length)})`, ids);
}

function asIssued(coupon: RedeemableCoupon): Coupon {
  const { couponId, couponPolicyId, userId, discount, issuedAt, expiresAt } = coupon;
  return { couponId, couponPolicyId, userId, discount, status: 'ISSUED', issuedAt, expiresAt };
}
