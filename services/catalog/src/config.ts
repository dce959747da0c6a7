import { serviceConfig } from '@shop/chassis';
import { z } from 'zod';
import type { Limits } from './domain/waiting.ts';

const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);

/** The environment of the catalog. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3002),
  UNPAID_PIECES_PER_USER: count(20).describe(
    'pieces of one product that orders of one user may hold unpaid: further orders wait until those end, and an order that alone wants more is refused',
  ),
  WAITING_ORDERS_PER_PRODUCT: count(500, 0).describe(
    'orders that may wait for pieces of one product that others hold unpaid; further ones are refused, and may come again. 0 while instances of a release without waiting still run',
  ),
});

/** The limits of orders that are not paid yet. */
export function limitsOf(config: z.output<typeof configSchema>): Limits {
  return { unpaidPieces: config.UNPAID_PIECES_PER_USER, waitingOrders: config.WAITING_ORDERS_PER_PRODUCT };
}
