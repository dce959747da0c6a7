import { serviceConfig } from '@shop/chassis';
import { z } from 'zod';

const milliseconds = z.coerce.number().int().positive();
const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

/** The environment of coupon. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3004),
  DOOR_TIMEOUT_MS: milliseconds
    .default(1_000)
    .describe('how long a request waits for Redis before it does without, ms'),
  DOOR_PLACE_STALE_MS: milliseconds
    .default(30_000)
    .describe('from this age on a place that is taken and not written is given back, ms'),
  RECONCILE_EVERY_MS: milliseconds.default(10_000).describe('time between two looks at the door, ms'),
  EXPIRE_EVERY_MS: milliseconds.default(60_000).describe('time between two looks for coupons whose time is over, ms'),
  REVOKE_EVERY_MS: milliseconds
    .default(5_000)
    .describe('time between two looks for coupons that are to be revoked, ms; a new wish is begun at once'),
  MAX_WAITING_WITHOUT_DOOR: count(2_000).describe(
    'requests that may wait for the database while Redis is away; over it 503',
  ),
});
