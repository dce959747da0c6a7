import { MAX_INTEGER, pageCursor, pageLimit, userIdQuery, userIdSchema, uuidIn, uuidInput } from '@shop/chassis';
import { z } from 'zod';
import type { OrderDetails } from '../domain/order.ts';

const MAX_LINES = 50;
const MAX_QUANTITY = 1_000;

const line = z.strictObject({
  productId: z.int().positive().max(MAX_INTEGER).describe('which product: `GET /products`'),
  quantity: z.int().min(1).max(MAX_QUANTITY).describe('pieces'),
});

/** The body of POST /orders. Lines of the same product are merged. */
export const placeOrderBody = z.strictObject({
  userId: userIdSchema.optional(),
  items: z
    .array(line)
    .min(1)
    .max(MAX_LINES)
    .refine(mergedQuantitiesFit, { error: `a product may be ordered ${MAX_QUANTITY} times at most` })
    .describe(`lines of the same product count together, up to ${MAX_QUANTITY} pieces`),
  couponId: uuidInput
    .optional()
    .describe('a coupon of the user: `GET /coupons`. An order that it takes nothing off goes on without it'),
  expectedTotal: z
    .int()
    .min(0)
    .max(MAX_INTEGER)
    .optional()
    .describe('the total before any discount that the user was shown, won: another one is PRICE_CHANGED'),
});

/** The details in a body. */
export function detailsIn({ couponId, expectedTotal }: z.output<typeof placeOrderBody>): OrderDetails {
  return { couponId: couponId ?? null, expectedTotal: expectedTotal ?? null };
}

function mergedQuantitiesFit(lines: readonly { productId: number; quantity: number }[]): boolean {
  const sums = new Map<number, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums.values()].every((sum) => sum <= MAX_QUANTITY);
}

/** The body of POST /orders/:id/cancel; it may be missing. */
export const cancelOrderBody = z.strictObject({ userId: userIdSchema.optional() });

export const listOrdersQuery = z.strictObject({
  userId: userIdQuery,
  status: z.enum(['PENDING', 'COMPLETED', 'CANCELLED']).optional().describe('only orders in this state'),
  cursor: pageCursor((text) => uuidIn(text) === text).optional(),
  limit: pageLimit,
});
