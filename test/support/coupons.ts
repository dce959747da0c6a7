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
  /** Makes the coupon expire now. */
  expire(couponId: string): Promise<void>;
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
    async expire(couponId) {
      await database.execute('UPDATE coupons SET expires_at = NOW(3) - INTERVAL 1 SECOND WHERE coupon_id = ?', [
        couponId,
      ]);
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
