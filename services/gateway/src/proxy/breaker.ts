import type { Metrics } from '@shop/chassis';
import { createBreaker } from '@shop/chassis/breaker';

/** The outcome of a request sent to a service. One of the methods must be called; the first call counts. */
export interface Attempt {
  /** The service answered, with any status. */
  answered(): void;
  /** No instance answered. */
  failed(error: Error): void;
}

/** Keeps requests from a service that does not answer. */
export interface ServiceBreaker {
  /** True while requests may be sent. */
  readonly closed: boolean;
  /** Called when a request is being sent. */
  begin(): Attempt;
  close(): void;
}

export interface ServiceBreakerOptions {
  /** The service's name. */
  readonly name: string;
  /** Resolves when an instance of the service answers. */
  readonly probe: () => Promise<void>;
  readonly metrics: Metrics;
}

/** Length of the window in which requests are counted, ms. */
const WINDOW_MS = 5_000;
/** Minimum number of requests in the window before the breaker may open. */
const MIN_REQUESTS = 5;
/** 60 %: one hanging instance of two causes 50 % and must not open it. */
const FAILURES_PERCENT = 60;
/** Interval of checks whether an open breaker's service is back, ms. */
const PROBE_EVERY_MS = 500;

/** Settles an attempt. */
type Outcome = (answered: () => void, failed: (error: Error) => void) => void;

/**
 * Opens when most of the last seconds' requests got no answer, and then refuses at once. Only a missing answer counts:
 * any answer, even an error or "too busy", shows that the service is there. A client's request never tests whether it
 * is back: the gateway asks for its health.
 */
export function guardService({ name, probe, metrics }: ServiceBreakerOptions): ServiceBreaker {
  // opossum's time limit is off: each request has its own limit, which is longer when its client waits.
  const breaker = createBreaker((outcome: Outcome) => new Promise<void>(outcome), {
    name,
    windowMs: WINDOW_MS,
    minCalls: MIN_REQUESTS,
    failuresPercent: FAILURES_PERCENT,
    resetMs: PROBE_EVERY_MS,
    gauge: metrics.gauge('gateway_breaker_state', "1 for the state that a service's breaker is in", [
      'upstream',
      'state',
    ]),
    labels: { upstream: name },
    changed(state) {
      if (state === 'half_open') fire((answered, failed) => void probe().then(answered, failed));
    },
  });

  function fire(outcome: Outcome): void {
    // The failure has already been reported to the request.
    breaker.fire(outcome).catch(() => undefined);
  }

  return {
    get closed() {
      return breaker.closed;
    },
    begin() {
      let attempt: Attempt | undefined;
      fire((answered, failed) => {
        attempt = { answered, failed };
      });
      // The action is not called only after a shutdown.
      return attempt ?? { answered: () => undefined, failed: () => undefined };
    },
    close: breaker.close,
  };
}
