import type { EventDataByType } from '@shop/events';
import type { Discount } from './discount.ts';

type DiscountFields = Pick<
  EventDataByType['coupon-policy-created'] & EventDataByType['coupon-issued'],
  'discountAmount'
>;

/** The fields of a coupon's value, in coupon-policy-created and in coupon-issued. */
export function discountInEvent({ amount }: Discount): DiscountFields {
  return { discountAmount: amount };
}

/** The value of a coupon, from the fields of an event. */
export function discountFromEvent({ discountAmount }: DiscountFields): Discount {
  return { kind: 'amount', amount: discountAmount };
}
