import { createDatabase } from '@shop/chassis';
import { expectStatus } from './api.ts';
import { eventually } from './eventually.ts';
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
  /** Asks for a coupon of a policy. */
  ask(userId: number, couponPolicyId: number): Promise<string>;
  /** Ends a policy; with `revoke` resolves once its unused coupons are revoked. */
  end(couponPolicyId: number, revoke: boolean): Promise<void>;
  /** Ends and revokes the policy of a coupon. */
  revoke(couponId: string): Promise<void>;
  read(couponId: string): Promise<CouponRow | undefined>;
  close(): Promise<void>;
}

export function createCoupons({ api, stack }: Pick<System, 'api' | 'stack'>): Coupons {
  const database = createDatabase({ url: stack.env.COUPON_DATABASE_URL ?? '' });
  async function ask(userId: number, couponPolicyId: number): Promise<string> {
    const options = { body: { userId, couponPolicyId } };
    const answer = await api.request<{ couponId: string }>('POST', '/coupons/issue', options);
    return expectStatus(answer, 200).body.couponId;
  }
  async function end(couponPolicyId: number, revoke: boolean): Promise<void> {
    const options = { body: { reason: 'a test', revoke } };
    await eventually(`the end of policy ${couponPolicyId}`, async () => {
      const path = `/coupon-policies/${couponPolicyId}/end`;
      const answer = await api.request<{ revocation: { status: string } | null }>('POST', path, options);
      return !revoke || expectStatus(answer, 200).body.revocation?.status === 'DONE';
    });
  }
  return {
    ask,
    end,
    async give(userId, discountAmount) {
      return await ask(userId, await api.newPolicy({ discountAmount, totalQuantity: 1 }));
    },
    async revoke(couponId) {
      const [row] = await database.query<{ id: number }>(
        'SELECT coupon_policy_id AS id FROM coupons WHERE coupon_id = ?',
        [couponId],
      );
      await end(row?.id ?? 0, true);
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
