import { serviceConfig } from '@shop/chassis';
import { z } from 'zod';

const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

/** The environment of the order service. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3001),
  ORDER_DEADLINE_MS: count(30_000).describe('an order PENDING for longer is cancelled, ms'),
  ADMISSION_SHARE: z.coerce
    .number()
    .gt(0)
    .max(1)
    .default(0.6)
    .describe('share of the deadline that the oldest PENDING order may have used up before POST /orders answers 503'),
  ORDER_BACKLOG_TARGET_MS: count(3_000).describe(
    'longest time that a new order should have to wait for the PENDING ones before it, by what ends a second; over it, or with 10,000 PENDING, POST /orders answers 503, ms',
  ),
  ORDER_BACKLOG_FLOOR: count(500).describe(
    'orders that may be PENDING, in all instances, before it is known how many end a second; as many as certainly end within a third of the deadline, and 10,000 at most',
  ),
  PLACE_WITHIN_MS: count(400).describe(
    'longest wait of POST /orders for its transaction; where it would be longer it answers 503, ms',
  ),
  MAX_WAITING: count(5_000).describe(
    'most requests that wait for their order (Prefer: wait) at once; further ones get 202',
  ),
  MAX_STREAMS: count(8_000).describe(
    'most streams of events (GET /orders/:id/events) at once, each a file descriptor; further ones get 503',
  ),
  DATA_PLATFORM_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'where ended orders are sent: takes POST of {events: [{id, type, time, data}]}; without it none are sent',
    ),
  DATA_PLATFORM_TIMEOUT_MS: count(3_000)
    // The database ends a transaction that is silent for 10 s.
    .refine((ms) => ms <= 8_000, 'at most 8000')
    .describe('longest time of one call to the data platform, ms; it holds a database connection meanwhile'),
});
