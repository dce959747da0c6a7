import type { ProblemTable } from '@shop/chassis';

/**
 * The codes of the order service's refusals, besides the common ones. Most are reasons of a cancelled order: catalog,
 * coupon and payment decide them, and the order's client learns them here.
 */
export const PROBLEMS = {
  INSUFFICIENT_BALANCE: { status: 402, title: 'Not enough points' },
  ORDER_NOT_FOUND: { status: 404, title: 'No such order' },
  PRODUCT_NOT_FOUND: { status: 404, title: 'No such product' },
  COUPON_NOT_FOUND: { status: 404, title: 'No such coupon' },
  PRODUCT_WITHDRAWN: { status: 409, title: 'The product is no longer on sale' },
  OUT_OF_STOCK: { status: 409, title: 'Out of stock' },
  QUANTITY_ABOVE_LIMIT: { status: 409, title: 'More pieces than one user may hold unpaid' },
  TOO_MANY_WAITING: { status: 409, title: 'Too many orders wait for this product' },
  PRICE_CHANGED: { status: 409, title: 'The price has changed' },
  COUPON_ALREADY_USED: { status: 409, title: 'The coupon is used' },
  COUPON_REVOKED: { status: 409, title: 'The coupon was revoked' },
  COUPON_EXPIRED: { status: 409, title: 'The coupon has expired' },
  ORDER_CANCELLED: { status: 409, title: 'The order was cancelled' },
  ORDER_DEADLINE_EXCEEDED: { status: 503, title: 'The order was not finished in time' },
} as const satisfies ProblemTable;

export type OrderProblem = keyof typeof PROBLEMS;
