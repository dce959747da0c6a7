import type { Discount } from '../../services/coupon/src/domain/discount.ts';
import type { Random } from './random.ts';

/** The value of the coupons that users ask for. */
export const ISSUED_WORTH: Discount = { kind: 'amount', amount: 500 };

export function drawDiscount(random: Random): Discount {
  return { kind: 'amount', amount: random.pick([1, 500, 1_000, 100_000]) };
}

/**
 * The amount that a coupon must take off an order. It does not use the service's own function: a fault there would hide
 * itself.
 */
export function expectedDiscount(discount: Discount | undefined, totalAmount: number): number {
  return Math.min(discount?.amount ?? 0, totalAmount);
}
