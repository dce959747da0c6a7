import { money } from './i18n.ts';
import type { CouponWorth } from './types.ts';

export function worthInWords({ discountAmount }: CouponWorth): string {
  return money(discountAmount);
}

/** The amount that a coupon takes off a sum, in won. It is never more than the sum. */
export function takenOff({ discountAmount }: CouponWorth, sum: number): number {
  return Math.min(discountAmount, sum);
}
