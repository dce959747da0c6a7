import { DomainError, type Metrics } from '@shop/chassis';
import { networkOf } from './client-address.ts';
import { type Quota, used, type Window, type WindowCounts } from './window-counts.ts';

/**
 * Counts a request of somebody. Adds the headers that tell where they stand (draft-ietf-httpapi-ratelimit-headers-08)
 * to `headers`: name, value, name, value … @returns the refusal, if there is no room for it
 */
export type Limiter = (key: string, headers: string[]) => DomainError | undefined;

/**
 * A request has to find room under both: that of its address before anything costs much, that of its user once known.
 */
export interface RateLimiter {
  readonly address: Limiter;
  readonly user: Limiter;
}

export interface RateLimiterOptions {
  /** Missing: users are not limited. */
  readonly user: WindowCounts | undefined;
  readonly address: WindowCounts | undefined;
  readonly metrics: Metrics;
  /** ms. */
  readonly now?: () => number;
}

export function createRateLimiter({ user, address, metrics, now = Date.now }: RateLimiterOptions): RateLimiter {
  const refusals = metrics.counter('gateway_rate_limited_total', 'Requests refused by a rate limit', ['policy']);
  const limiter = (policy: 'user' | 'address', counts: WindowCounts | undefined): Limiter => {
    if (!counts) return () => undefined;
    const { quota } = counts;
    const described = `"${policy}";q=${quota.requests};w=${quota.seconds}`;
    return (key, headers) => {
      const at = now();
      const { window, taken } = counts.take(key, at);
      const seconds = Math.max(1, Math.ceil((window.endsAt - at) / 1000));
      // Either is a list: what the other limit says goes into a line of its own.
      headers.push('RateLimit-Policy', described, 'RateLimit', `"${policy}";r=${left(window, quota)};t=${seconds}`);
      if (taken) return undefined;
      refusals.inc({ policy });
      const detail = `At most ${quota.requests} requests in ${quota.seconds} s.`;
      return new DomainError('RATE_LIMITED', detail, { retryAfterSeconds: seconds });
    };
  };
  const byNetwork = limiter('address', address);
  return { address: (key, headers) => byNetwork(networkOf(key), headers), user: limiter('user', user) };
}

function left(window: Window, { requests }: Quota): number {
  return Math.max(0, requests - used(window));
}
