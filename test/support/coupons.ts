import { createDatabase } from '@shop/chassis';
import { expectStatus } from './api.ts';
import type { System } from './system.ts';

export interface CouponRow {
  readonly status: string;
  readonly orderId: string | null;
}

/** Coupons of a running shop. */
export interface Coupons {
  /** Issues a coupon of a new policy. @param discountAmount won */
  give(userId: number, discountAmount: number): Promise<string>;
  /** Makes the coupon expire `inMs` from now; default: two seconds ago, more than two clocks differ. */
  expire(couponId: string, inMs?: number): Promise<void>;
  read(couponId: string): Promise<CouponRow | undefined>;
  close(): Promise<void>;
}

export function createCoupons({ api, stack }: Pick<System, 'api' | 'stack'>): Coupons {
  const database = createDatabase({ url: stack.env.COUPON_DATABASE_URL ?? '' });
  return {
    async give(userId, discountAmount) {
      const couponPolicyId = await api.newPolicy({ discountAmount, totalQuantity: 1 });
      const options = { body: { userId, couponPolicyId } };
      const answer = await api.request<{ couponId: string }>('POST', '/coupons/issue', options);
      return expectStatus(answer, 200).body.couponId;
    },
    async expire(couponId, inMs = -2_000) {
      await database.execute(
        'UPDATE coupons SET expires_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND WHERE coupon_id = ?',
        [inMs * 1_000, couponId],
      );
    },
    async read(couponId) {
      const [row] = await database.query<CouponRow>(
        'SELECT status, order_id AS orderId FROM coupons WHERE coupon_id = ?',
        [couponId],
      );
      return row;
    },
    close: () => database.close(),
  };
}
