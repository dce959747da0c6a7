import type { Transaction } from '@shop/chassis';
import type { PolicyStore, ShownPolicy } from '../usecases/add-policy.ts';

export const sqlPolicyStore: PolicyStore = {
  async insert(tx, { name, discountAmount, totalQuantity, validDays, startsAt, endsAt }, requestId, at) {
    const { insertId } = await tx.execute(
      `INSERT INTO coupon_policies
         (name, discount_amount, total_quantity, valid_days, starts_at, ends_at, request_id, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      [name, discountAmount, totalQuantity, validDays, startsAt, endsAt, requestId, at],
    );
    return insertId;
  },
  findByRequest,
};

/** The policy as it was created: coupons issued since do not change the answer to a repeat. */
async function findByRequest(tx: Transaction, requestId: string): Promise<ShownPolicy | undefined> {
  const [row] = await tx.query<ShownPolicy>(
    `SELECT coupon_policy_id AS couponPolicyId, name, discount_amount AS discountAmount, total_quantity AS totalQuantity,
            total_quantity AS remaining, valid_days AS validDays, starts_at AS startsAt, ends_at AS endsAt
       FROM coupon_policies WHERE request_id = ?`,
    [requestId],
  );
  return row;
}
