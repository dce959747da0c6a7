/** The value of a coupon, set by its policy. Policies and coupons carry it whole; only the mappers read its members. */
export interface Discount {
  readonly kind: 'amount';
  /** Won. */
  readonly amount: number;
}

/** The amount that a coupon takes off an order, in won. It is never more than the order. */
export function discountOn(discount: Discount, totalAmount: number): number {
  return Math.min(discount.amount, totalAmount);
}
