import { createDatabase } from '@shop/chassis';
import { createCodec, createOutbox, createSqlMessagingStore, type NewEvent, silentLogger } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import type { Stack } from '../../deploy/local/stack.ts';

export interface CouponRow {
  readonly status: string;
  readonly orderId: string | null;
}

/** Coupons of a running shop, issued to users like the coupon service does: rows and events in one transaction. */
export interface Coupons {
  /** Issues a coupon of a new policy. @param discountAmount won */
  give(userId: number, discountAmount: number): Promise<string>;
  /** Makes the coupon expire now. */
  expire(couponId: string): Promise<void>;
  read(couponId: string): Promise<CouponRow | undefined>;
  close(): Promise<void>;
}

const VALID_DAYS = 30;
const DAY_MS = 86_400_000;

export async function createCoupons(stack: Stack): Promise<Coupons> {
  const database = createDatabase({ url: stack.env.COUPON_DATABASE_URL ?? '' });
  const codec = createCodec({ registryUrl: stack.env.SCHEMA_REGISTRY_URL ?? '', logger: silentLogger });
  await codec.ready();
  // The service's own relay polls the outbox every few milliseconds.
  const outbox = createOutbox({ store: createSqlMessagingStore(database), codec, source: 'coupon' });
  return {
    async give(userId, discountAmount) {
      const [requestId, couponId, issuedAt] = [uuidv7(), uuidv7(), new Date()];
      const expiresAt = new Date(issuedAt.getTime() + VALID_DAYS * DAY_MS);
      await database.transaction(async (tx) => {
        const { insertId } = await tx.execute(
          `INSERT INTO coupon_policies (name, discount_amount, total_quantity, issued_count, valid_days, request_id, created_at)
           VALUES ('test', ?, 1, 1, ?, ?, ?)`,
          [discountAmount, VALID_DAYS, requestId, issuedAt],
        );
        await tx.execute(
          `INSERT INTO coupons (coupon_id, coupon_policy_id, user_id, discount_amount, status, issued_at, expires_at)
           VALUES (?, ?, ?, ?, 'ISSUED', ?, ?)`,
          [couponId, insertId, userId, discountAmount, issuedAt, expiresAt],
        );
        await outbox.append(
          tx,
          eventsOf({ couponPolicyId: insertId, requestId, couponId, userId, discountAmount, issuedAt, expiresAt }),
        );
      });
      return couponId;
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

function eventsOf(given: {
  couponPolicyId: number;
  requestId: string;
  couponId: string;
  userId: number;
  discountAmount: number;
  issuedAt: Date;
  expiresAt: Date;
}): NewEvent[] {
  const { couponPolicyId, requestId, couponId, userId, discountAmount } = given;
  const [issuedAt, expiresAt] = [given.issuedAt.getTime(), given.expiresAt.getTime()];
  const policy = { couponPolicyId, name: 'test', discountAmount, totalQuantity: 1, validDays: VALID_DAYS };
  const bounds = { startsAt: null, endsAt: null, idempotencyKey: null, requestHash: null };
  return [
    { type: 'coupon-policy-created', data: { ...policy, ...bounds, createdAt: issuedAt, requestId } },
    {
      type: 'coupon-issued',
      data: { couponPolicyId, couponId, userId, discountAmount, issuedAt, expiresAt, byRequest: false },
    },
  ];
}
