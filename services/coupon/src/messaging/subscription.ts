import type { Subscription } from '@shop/events';
import { createRedeemCoupons, type RedeemCouponsDeps } from '../usecases/redeem-coupons.ts';

/**
 * What coupon hears of orders that name one: stock is reserved, so the coupon is used; the order is dead, so it is
 * given back. Most orders name none: those are told by their headers and never decoded.
 */
export function couponSubscription<Tx>(
  dependencies: RedeemCouponsDeps<Tx>,
): Subscription<Tx, 'stock-reserved' | 'order-cancelled'> {
  return {
    group: 'coupon',
    handles: ['stock-reserved', 'order-cancelled'],
    wants: (headers) => headers.ce_couponid !== undefined,
    // Orders with a coupon wait for this, but no longer than it: a few come as they are, many share a look at the
    // topics.
    patienceMs: 40,
    handle: createRedeemCoupons(dependencies),
  };
}
