import { DomainError, type Metrics } from '@shop/service';
import { networkOf } from './client-address.ts';
import { type Quota, used, type Window, type WindowCounts } from './window-counts.ts';

/** Who is counted: `address` as it is, `user` once it is known. */
export interface Caller {
  readonly address: string;
  readonly user?: string | undefined;
}

/**
 * Counts a request. Adds the headers that tell the caller where they stand (draft-ietf-httpapi-ratelimit-headers-08) to
 * `headers`: name, value, name, value … @returns the refusal, if there is no room for it
 */
export type RateLimiter = (caller: Caller, headers: string[]) => DomainError | undefined;

export interface RateLimiterOptions {
  /** Missing: users are not limited. */
  readonly user: WindowCounts | undefined;
  readonly address: WindowCounts | undefined;
  readonly metrics: Metrics;
  /** ms. */
  readonly now?: () => number;
}

/** A limit for each user and one for each address; a request has to find room under both. */
export function createRateLimiter({ user, address, metrics, now = Date.now }: RateLimiterOptions): RateLimiter {
  if (!user && !address) return () => undefined;
  const refusals = metrics.counter('gateway_rate_limited_total', 'Requests refused by a rate limit', ['policy']);
  const policies = { user: user && header('user', user.quota), address: address && header('address', address.quota) };

  return (caller, headers) => {
    const at = now();
    const limits: string[] = [];
    const states: string[] = [];
    let refused: DomainError | undefined;

    const count = (policy: 'user' | 'address', counts: WindowCounts, key: string): void => {
      const { window, taken } = counts.take(key, at);
      const seconds = Math.max(1, Math.ceil((window.endsAt - at) / 1000));
      limits.push(policies[policy] ?? '');
      states.push(`"${policy}";r=${left(window, counts.quota)};t=${seconds}`);
      if (taken) return;
      refusals.inc({ policy });
      refused = new DomainError(
        'RATE_LIMITED',
        `At most ${counts.quota.requests} requests in ${counts.quota.seconds} s.`,
        {
          retryAfterSeconds: seconds,
        },
      );
    };

    if (address) count('address', address, networkOf(caller.address));
    if (user && caller.user !== undefined && !refused) count('user', user, caller.user);
    if (limits.length > 0) headers.push('RateLimit-Policy', limits.join(', '), 'RateLimit', states.join(', '));
    return refused;
  };
}

function header(policy: string, { requests, seconds }: Quota): string {
  return `"${policy}";q=${requests};w=${seconds}`;
}

function left(window: Window, { requests }: Quota): number {
  return Math.max(0, requests - used(window));
}
