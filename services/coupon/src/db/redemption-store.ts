import { insertRows, placeholders, type Transaction } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { RedeemableCoupon, Redemption } from '../domain/redemption.ts';
import type { RedemptionStore } from '../usecases/redeem-coupons.ts';
import { DISCOUNT_COLUMNS, discountValues, type RowOf, selectDiscount, withDiscount } from './discount-columns.ts';

/**
 * Redemptions and coupons in MySQL. A batch takes at most five statements, whatever its size.
 *
 * Lock order, for everything that locks in this schema: idempotency keys, then policies by policy id, then redemptions
 * by order id, then coupons by coupon id, then the ends of policies and the requests of the log, both by request id.
 * Only the recovery has another order: nothing else writes to the schema meanwhile.
 *
 * The primary key is forced: on a small table a scan may look cheaper, but would lock, and wait for, unrelated rows.
 * Two orders that name the same coupon meet on its row, in any batches or instances: the second waits, and then finds
 * it USED.
 *
 * Redemptions without a row are inserted plainly at the end. READ COMMITTED locks no gaps, and the stock-reserved and
 * the order-cancelled of one order are on different topics, so two instances may insert the same order. The
 * duplicate-key error then rolls this batch back, and the consumer runs it again on the rows of the other.
 */
export const sqlRedemptionStore: RedemptionStore<Transaction> = {
  async load(tx, { orderIds, couponIds }) {
    const redemptions = await lockRedemptions(tx, orderIds);
    const wanted = new Set(couponIds);
    for (const redemption of redemptions) if (redemption.status === 'REDEEMED') wanted.add(redemption.couponId);
    const coupons = wanted.size > 0 ? await lockCoupons(tx, [...wanted].sort()) : [];
    return {
      redemptions: new Map(redemptions.map((it) => [it.orderId, it])),
      coupons: new Map(coupons.map((it) => [it.couponId, it])),
    };
  },

  async save(tx, { created, changed, coupons, at }) {
    const row = (it: Redemption) => redemptionRow(it, at, at);
    if (created.length > 0) await insertRows(tx, 'redemptions', REDEMPTION_COLUMNS, created.map(row));
    // The rows of both upserts exist and are locked, so each is an update: many rows, one statement.
    if (changed.length > 0) {
      await insertRows(tx, 'redemptions', REDEMPTION_COLUMNS, changed.map(row), {
        onDuplicateUpdate: 'status = VALUES(status), updated_at = VALUES(updated_at)',
      });
    }
    if (coupons.length > 0) await saveCoupons(tx, coupons);
  },
};

/** Writes the status and the order of coupons, whose rows exist and are locked. */
export async function saveCoupons(tx: Transaction, coupons: readonly RedeemableCoupon[]): Promise<void> {
  await insertRows(tx, 'coupons', COUPON_COLUMNS, coupons.map(couponRow), {
    onDuplicateUpdate: 'status = VALUES(status), order_id = VALUES(order_id), used_at = VALUES(used_at)',
  });
}

export const REDEMPTION_COLUMNS = [
  'order_id',
  'coupon_id',
  'user_id',
  'status',
  'reason',
  'total_amount',
  'discount_amount',
  'created_at',
  'updated_at',
];

export function redemptionRow(it: Redemption, createdAt: Date, updatedAt: Date) {
  const { totalAmount, discountAmount, reason } = { totalAmount: null, discountAmount: null, reason: null, ...it };
  return [it.orderId, it.couponId, it.userId, it.status, reason, totalAmount, discountAmount, createdAt, updatedAt];
}

const COUPON_COLUMNS = [
  'coupon_id',
  'coupon_policy_id',
  'user_id',
  ...DISCOUNT_COLUMNS,
  'status',
  'order_id',
  'issued_at',
  'used_at',
  'expires_at',
  'revoked_at',
];

function couponRow(it: RedeemableCoupon) {
  const { orderId, usedAt } = { orderId: null, usedAt: null, ...it };
  const { couponId, couponPolicyId, userId, discount, status, issuedAt, expiresAt } = it;
  const worth = discountValues(discount);
  return [couponId, couponPolicyId, userId, ...worth, status, orderId, issuedAt, usedAt, expiresAt, it.revokedAt];
}

export interface RedemptionRow {
  orderId: string;
  couponId: string;
  userId: number;
  status: Redemption['status'];
  reason: string | null;
  totalAmount: number | null;
  discountAmount: number | null;
}

/** Locks the redemptions in the order of their orders' ids. `orderIds` is sorted. */
export async function lockRedemptions(tx: Transaction, orderIds: readonly string[]): Promise<Redemption[]> {
  const rows = await tx.query<RedemptionRow>(
    `SELECT order_id AS orderId, coupon_id AS couponId, user_id AS userId, status, reason, total_amount AS totalAmount,
            discount_amount AS discountAmount
       FROM redemptions FORCE INDEX (PRIMARY) WHERE order_id IN (${placeholders(orderIds.length)}) ORDER BY order_id FOR UPDATE`,
    orderIds,
  );
  return rows.map(toRedemption);
}

export function toRedemption({ status, reason, totalAmount, discountAmount, ...order }: RedemptionRow): Redemption {
  switch (status) {
    case 'REDEEMED':
    case 'RETURNED':
    case 'SPARED':
      return { ...order, status, totalAmount: totalAmount ?? 0, discountAmount: discountAmount ?? 0 };
    case 'REJECTED':
    case 'VOID':
      return { ...order, status, reason: reason ?? '' };
    default:
      return unreachable(status, `redemption ${order.orderId} has an unknown status`);
  }
}

interface CouponRow extends Omit<RedeemableCoupon, 'status'> {
  status: RedeemableCoupon['status'];
  orderId: string | null;
  usedAt: Date | null;
}

/** Locks the coupons in the order of their ids. `couponIds` is sorted. */
export async function lockCoupons(tx: Transaction, couponIds: readonly string[]): Promise<RedeemableCoupon[]> {
  const rows = await tx.query<RowOf<CouponRow>>(
    `SELECT coupon_id AS couponId, coupon_policy_id AS couponPolicyId, user_id AS userId, ${selectDiscount()},
            status, order_id AS orderId, issued_at AS issuedAt, used_at AS usedAt, expires_at AS expiresAt,
            revoked_at AS revokedAt
       FROM coupons FORCE INDEX (PRIMARY) WHERE coupon_id IN (${placeholders(couponIds.length)}) ORDER BY coupon_id FOR UPDATE`,
    couponIds,
  );
  return rows.map((row) => toCoupon(withDiscount(row)));
}

function toCoupon({ status, orderId, usedAt, ...coupon }: CouponRow): RedeemableCoupon {
  switch (status) {
    case 'USED':
      if (orderId === null || usedAt === null) throw new Error(`coupon ${coupon.couponId} is USED by no order`);
      return { ...coupon, status, orderId, usedAt };
    case 'ISSUED':
    case 'EXPIRED':
    case 'REVOKED':
      return { ...coupon, status };
    default:
      return unreachable(status, `coupon ${coupon.couponId} has an unknown status`);
  }
}
