import { DomainError, type Metrics } from '@shop/chassis';
import { networkOf } from './client-address.ts';
import { type Quota, used, type Window, type WindowCounts } from './window-counts.ts';

/**
 * Counts a request of a key. Adds the headers that show the state of its limit
 * (draft-ietf-httpapi-ratelimit-headers-08) to `headers`: name, value, name, value … @returns the refusal, if the limit
 * is used up
 */
export type Limiter = (key: string, headers: string[]) => DomainError | undefined;

/** A request must be within both limits: that of its address before any costly work, that of its user once known. */
export interface RateLimiter {
  readonly address: Limiter;
  readonly user: Limiter;
}

export interface RateLimiterOptions {
  /** Undefined: users are not limited. */
  readonly user: WindowCounts | undefined;
  readonly address: WindowCounts | undefined;
  readonly metrics: Metrics;
  /** ms since any moment; by default a clock that is never set back. */
  readonly now?: () => number;
}

export function createRateLimiter({
  user,
  address,
  metrics,
  now = () => performance.now(),
}: RateLimiterOptions): RateLimiter {
  const refusals = metrics.counter('gateway_rate_limited_total', 'Requests refused by a rate limit', ['policy']);
  const limiter = (policy: 'user' | 'address', counts: WindowCounts | undefined): Limiter => {
    if (!counts) return () => undefined;
    const { quota } = counts;
    const described = `"${policy}";q=${quota.requests};w=${quota.seconds}`;
    return (key, headers) => {
      // Whole milliseconds: a fraction may be rounded so that a window of 60 s ends in a little more, told as 61 s.
      const at = Math.floor(now());
      const { window, taken } = counts.take(key, at);
      const seconds = Math.max(1, Math.ceil((window.endsAt - at) / 1000));
      // Both headers are lists, so the other limit adds its own line.
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
