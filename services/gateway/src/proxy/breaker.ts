import { createBreaker, type Metrics } from '@shop/chassis';

/**
 * What became of a request that was sent to a service. One of the two has to be called; what is called first counts.
 */
export interface Attempt {
  /** It answered, whatever it said. */
  answered(): void;
  /** None of its instances did. */
  failed(error: Error): void;
}

/** Keeps requests from a service that does not answer. */
export interface ServiceBreaker {
  /** Whether requests may be sent. */
  readonly closed: boolean;
  /** A request is being sent. */
  begin(): Attempt;
  close(): void;
}

export interface ServiceBreakerOptions {
  /** The service. */
  readonly name: string;
  /** Resolves when an instance of it is there. */
  readonly probe: () => Promise<void>;
  readonly metrics: Metrics;
}

/**
 * What is looked back on, ms; the fewest requests in it that say something; and the share without an answer, per cent:
 * more than one instance of two has when it hangs.
 */
const WINDOW_MS = 5_000;
const MIN_REQUESTS = 5;
const FAILURES_PERCENT = 60;
/** How often it is looked whether an open breaker's service is back, ms. */
const PROBE_EVERY_MS = 500;

/** What settles an attempt. */
type Outcome = (answered: () => void, failed: (error: Error) => void) => void;

/**
 * Opens when most of the requests of the last seconds got no answer, and then refuses at once. Only the absence of an
 * answer counts: whatever a service says, an error or "too busy" included, says that it is there. No client's request
 * is the one that tries whether it is back: the gateway asks for its health.
 */
export function guardService({ name, probe, metrics }: ServiceBreakerOptions): ServiceBreaker {
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
    // Its failure has been told to whom it concerns.
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
      // Only without a call of the action: it was shut down.
      return attempt ?? { answered: () => undefined, failed: () => undefined };
    },
    close: breaker.close,
  };
}
