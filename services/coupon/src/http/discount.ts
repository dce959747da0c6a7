import { z } from 'zod';
import type { Discount } from '../domain/discount.ts';

/** The members of a new policy's body that give a coupon's value. */
export const discountBody = {
  discountAmount: z.number().int().min(1).max(1_000_000_000).describe('what a coupon pays of an order at most, won'),
};

/** The body with the discount in place of its members. */
export function withDiscount<Body extends { readonly discountAmount: number }>({ discountAmount, ...body }: Body) {
  const discount: Discount = { kind: 'amount', amount: discountAmount };
  return { ...body, discount };
}

/** The members of an answer that show a coupon's value. */
export interface DiscountView {
  readonly discountAmount: number;
}

export function discountView({ amount }: Discount): DiscountView {
  return { discountAmount: amount };
}

/** An object that has a discount, as HTTP shows it. */
export type ViewOf<T extends { readonly discount: Discount }> = Omit<T, 'discount'> & DiscountView;
