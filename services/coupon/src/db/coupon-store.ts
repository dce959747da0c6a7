import { insertRows, placeholders, type Transaction } from '@shop/chassis';
import type { Policy } from '../domain/policy.ts';
import type { CouponStore } from '../usecases/issue-coupons.ts';
import { DISCOUNT_COLUMNS, discountValues, type RowOf, withDiscount } from './discount-columns.ts';
import { findOwned, POLICY } from './issue-reads.ts';

const COUPON_COLUMNS = [
  'coupon_id',
  'coupon_policy_id',
  'user_id',
  ...DISCOUNT_COLUMNS,
  'status',
  'issued_at',
  'expires_at',
];

/**
 * Issuing in MySQL: four statements for any number of requests, and the outbox.
 *
 * Lock order, for everything that locks in this schema: in `redemption-store.ts`. Issuing locks policies by policy id,
 * and after them only inserts coupons.
 */
export const sqlCouponStore: CouponStore<Transaction> = {
  async lockPolicies(tx, ids) {
    const rows = await tx.query<RowOf<Policy>>(
      `SELECT ${POLICY} FROM coupon_policies FORCE INDEX (PRIMARY)
        WHERE coupon_policy_id IN (${placeholders(ids.length)}) ORDER BY coupon_policy_id FOR UPDATE`,
      ids,
    );
    return rows.map(withDiscount);
  },

  findOwned: (tx, requests) => findOwned(tx, requests),

  async insertIssued(tx, coupons) {
    const rows = coupons.map((it) => [
      ...[it.couponId, it.couponPolicyId, it.userId, ...discountValues(it.discount)],
      ...[it.status, it.issuedAt, it.expiresAt],
    ]);
    await insertRows(tx, 'coupons', COUPON_COLUMNS, rows);
    const counts = new Map<number, number>();
    for (const { couponPolicyId: id } of coupons) counts.set(id, (counts.get(id) ?? 0) + 1);
    const cases = [...counts].map(() => 'WHEN ? THEN ?').join(' ');
    // The check constraint is the last guard: beyond the quantity the whole transaction fails.
    await tx.execute(
      `UPDATE coupon_policies SET issued_count = issued_count + CASE coupon_policy_id ${cases} END
        WHERE coupon_policy_id IN (${placeholders(counts.size)})`,
      [...[...counts].flat(), ...counts.keys()],
    );
  },
};
