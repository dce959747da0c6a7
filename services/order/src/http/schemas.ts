import { MAX_INTEGER, pageCursor, pageLimit, userIdSchema } from '@shop/service';
import { z } from 'zod';

export const MAX_LINES = 50;
export const MAX_QUANTITY = 1_000;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const line = z.strictObject({
  productId: z.int().positive().max(MAX_INTEGER),
  quantity: z.int().min(1).max(MAX_QUANTITY),
});

/** The body of POST /orders. Lines of the same product count together. */
export const placeOrderBody = z.strictObject({
  userId: userIdSchema.optional(),
  items: z
    .array(line)
    .min(1)
    .max(MAX_LINES)
    .refine(mergedQuantitiesFit, { error: `a product may be ordered ${MAX_QUANTITY} times at most` }),
  couponId: z.string().toLowerCase().regex(UUID).optional().describe('a coupon of the user: a UUID'),
  expectedTotal: z.int().min(0).max(MAX_INTEGER).optional().describe('the total before any discount, won'),
});

function mergedQuantitiesFit(lines: readonly { productId: number; quantity: number }[]): boolean {
  const sums = new Map<number, number>();
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  return [...sums.values()].every((sum) => sum <= MAX_QUANTITY);
}

/** The body of POST /orders/:id/cancel; it may be missing. */
export const cancelOrderBody = z.strictObject({ userId: userIdSchema.optional() });

/** The query of everything but GET /orders. `userId` is looked at elsewhere. */
export const userQuery = z.strictObject({ userId: z.string().optional() });

export const listOrdersQuery = z.strictObject({
  userId: z.string().optional(),
  status: z.enum(['PENDING', 'COMPLETED', 'CANCELLED']).optional(),
  cursor: pageCursor(isOrderId).optional(),
  limit: pageLimit,
});

/** Whether an order could have this id; anything else needs no look into the database. */
export function isOrderId(text: string): boolean {
  return UUID.test(text);
}
