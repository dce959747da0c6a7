import type { Metrics } from '@shop/chassis';
import { createBreaker } from '@shop/chassis/breaker';
import { OutageError } from '@shop/events';
import type { DataPlatform, DeliveredEvent } from '../usecases/deliver-orders.ts';
import { PlatformBusyError, RefusedByPlatformError } from './http-platform.ts';

export interface BreakerOptions {
  readonly metrics: Metrics;
  /** Longest time of one call, ms, the same as the platform's own limit. */
  readonly timeoutMs: number;
  /** How long the breaker stays open before one call is let through, ms. Default 3,000. */
  readonly resetMs?: number;
  /** A clock that runs forward, ms; default performance.now. */
  readonly now?: () => number;
}

export interface GuardedPlatform extends DataPlatform {
  /** Prevents further calls. */
  close(): void;
}

/**
 * Minimum number of calls in the window before the breaker may open, and the share of failed ones it takes, per cent.
 */
const MIN_CALLS = 3;
const FAILURES_PERCENT = 20;

/**
 * A breaker in front of the platform. After some failures calls are refused at once, as an outage, and one is let
 * through every few seconds. Refused events do not count as failures: the platform answers. While a platform has asked
 * to be left alone (`Retry-After`), it gets no call at all.
 */
export function guardPlatform(platform: DataPlatform, options: BreakerOptions): GuardedPlatform {
  const { metrics, timeoutMs, resetMs = 3_000, now = () => performance.now() } = options;
  /** No call before this time, ms. */
  let notBefore = Number.NEGATIVE_INFINITY;
  const seconds = metrics.histogram('data_platform_call_seconds', 'Time of one call, by its outcome', ['outcome']);
  const changes = metrics.counter('data_platform_breaker_changes_total', 'Changes of the breaker, by new state', [
    'state',
  ]);

  // opossum's time limit is off: a call to the platform ends by itself after `timeoutMs`.
  const breaker = createBreaker(timed, {
    name: 'data-platform',
    // Calls come one at a time, so the window must be long enough for several that time out.
    windowMs: Math.max(10_000, 4 * timeoutMs),
    minCalls: MIN_CALLS,
    failuresPercent: FAILURES_PERCENT,
    resetMs,
    isAnswer: (error) => error instanceof RefusedByPlatformError,
    gauge: metrics.gauge('data_platform_breaker_state', '1 for the state that the breaker is in', ['state']),
    changed: (state) => changes.inc({ state }),
  });

  async function timed(events: readonly DeliveredEvent[]): Promise<void> {
    const end = seconds.startTimer();
    try {
      await platform.send(events);
      end({ outcome: 'delivered' });
    } catch (error) {
      end({ outcome: error instanceof RefusedByPlatformError ? 'refused' : 'away' });
      if (error instanceof PlatformBusyError) notBefore = now() + (error.retryAfterMs ?? 0);
      throw error;
    }
  }

  return {
    async send(events) {
      const leftMs = notBefore - now();
      if (leftMs > 0) {
        throw new OutageError(`the data platform asks to be left alone for ${Math.ceil(leftMs / 1_000)} s more`);
      }
      try {
        await breaker.fire(events);
      } catch (error) {
        if (!breaker.isRefusal(error)) throw error;
        throw new OutageError('the data platform is away: the breaker is open', { cause: error });
      }
    },
    close: breaker.close,
  };
}
