import type { RedisState } from '../redis.ts';

/** Memory in use from which on a server with a limit is called full, a share of the limit. */
const FULL = 0.95;

/**
 * The state of Redis in words.
 * @throws in words when the shop cannot use it as it is: coupons are then issued by the database alone
 */
export function redisWords({ version, role, policy, used, most }: RedisState): string {
  if (role !== 'master') throw new Error(`it is a ${role}, and takes no writes: is there a failover under way?`);
  if (policy !== 'noeviction')
    throw new Error(`its maxmemory-policy is ${policy}: it forgets places at a coupon's door; set noeviction`);
  if (most > 0 && used > most * FULL) throw new Error(`its memory is full: ${used} of ${most} bytes`);
  return `${version}, takes writes`;
}
