/** A row read with WORTH. */
export interface WorthRow {
  readonly discountAmount: number;
}

/** The value of a coupon or of a policy, as a SELECT lists it. */
export const WORTH = 'discount_amount AS discountAmount';

export function worthInWords({ discountAmount }: WorthRow): string {
  return `${discountAmount} won`;
}

/** SQL: the value as a text, NULL without a row. @param of the alias of coupons or of coupon_policies */
export function worthText(of: string): string {
  return `${of}.discount_amount`;
}

/** SQL: whether two rows have the same value. */
export function isSameWorth(one: string, other: string): string {
  return `${one}.discount_amount <=> ${other}.discount_amount`;
}

/** SQL: the amount that a coupon takes off an order, never more than the order. @param total the order's amount */
export function discountOn(coupon: string, total: string): string {
  return `LEAST(${coupon}.discount_amount, ${total})`;
}
