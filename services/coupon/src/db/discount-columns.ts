import type { SqlValue } from '@shop/chassis';
import type { Discount } from '../domain/discount.ts';

/** The columns of a coupon's value, in coupon_policies and in coupons. */
export const DISCOUNT_COLUMNS: readonly string[] = ['discount_amount'];

/** The values of DISCOUNT_COLUMNS, in their order. */
export function discountValues({ amount }: Discount): SqlValue[] {
  return [amount];
}

/** The columns as a SELECT lists them, named as in DiscountRow. @param table the alias of their table */
export function selectDiscount(table?: string): string {
  return `${table ? `${table}.` : ''}discount_amount AS discountAmount`;
}

/** The columns as they are read. Prisma reads a bigint. */
interface DiscountRow {
  readonly discountAmount: number | bigint;
}

/** The row of an object that has a discount. */
export type RowOf<T extends { readonly discount: Discount }> = Omit<T, 'discount'> & DiscountRow;

/** The row with its discount in place of the columns. */
export function withDiscount<Row extends DiscountRow>({ discountAmount, ...row }: Row) {
  const discount: Discount = { kind: 'amount', amount: Number(discountAmount) };
  return { ...row, discount };
}
