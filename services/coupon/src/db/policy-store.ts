import { placeholders, type Transaction } from '@shop/chassis';
import type { PolicyStore, ShownPolicy } from '../usecases/add-policy.ts';
import { DISCOUNT_COLUMNS, discountValues, type RowOf, selectDiscount, withDiscount } from './discount-columns.ts';

export const sqlPolicyStore: PolicyStore = {
  async insert(tx, { name, discount, totalQuantity, validDays, startsAt, endsAt }, requestId, at) {
    const { insertId } = await tx.execute(
      `INSERT INTO coupon_policies
         (name, ${DISCOUNT_COLUMNS.join(', ')}, total_quantity, valid_days, starts_at, ends_at, request_id, created_at)
       VALUES (?, ${placeholders(DISCOUNT_COLUMNS.length)}, ?, ?, ?, ?, ?, ?)`,
      [name, ...discountValues(discount), totalQuantity, validDays, startsAt, endsAt, requestId, at],
    );
    return insertId;
  },
  findByRequest,
};

/** The policy as it was created: what became of it since does not change the answer to a repeat. */
async function findByRequest(tx: Transaction, requestId: string): Promise<ShownPolicy | undefined> {
  const [row] = await tx.query<RowOf<ShownPolicy>>(
    `SELECT coupon_policy_id AS couponPolicyId, name, ${selectDiscount()}, total_quantity AS totalQuantity,
            total_quantity AS remaining, valid_days AS validDays, starts_at AS startsAt, ends_at AS endsAt,
            NULL AS endedAt
       FROM coupon_policies WHERE request_id = ?`,
    [requestId],
  );
  return row && withDiscount(row);
}
