import { createRedis, type Logger, type Metrics, type RedisServer } from '@shop/chassis';
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts';
import { shareCounts } from './share-counts.ts';
import { createWindowCounts, type Quota } from './window-counts.ts';

/** Most users, and most addresses, remembered: some 10 MB each. */
const MAX_KEYS = 50_000;
/** Longest wait for Redis, ms. Requests do not wait for it. */
const COMMAND_TIMEOUT_MS = 1_000;

export interface RateLimitsOptions {
  /** Undefined: no limit. */
  readonly user: Quota | undefined;
  readonly address: Quota | undefined;
  /** Undefined: this instance limits alone. */
  readonly redisServer: RedisServer | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The rate limits of this instance, with counts shared among all instances while Redis is there. */
export function openRateLimits({ user, address, redisServer, logger, metrics }: RateLimitsOptions): {
  readonly limit: RateLimiter;
  stop(): void;
} {
  const users = user && createWindowCounts(user, MAX_KEYS);
  const addresses = address && createWindowCounts(address, MAX_KEYS);
  const limit = createRateLimiter({ user: users, address: addresses, metrics });
  const counts = { ...(users && { user: users }), ...(addresses && { address: addresses }) };
  if (redisServer === undefined || Object.keys(counts).length === 0) return { limit, stop: () => undefined };

  const common = metrics.gauge(
    'gateway_rate_limits_common',
    '1 while instances count together, 0 while each counts alone',
  );
  const redis = createRedis(redisServer, logger, { commandTimeoutMs: COMMAND_TIMEOUT_MS });
  const shared = shareCounts({ redis, counts, exchanged: (together) => common.set(together ? 1 : 0) });
  return {
    limit,
    stop() {
      shared.stop();
      redis.disconnect();
    },
  };
}
