import type { Metrics } from '@shop/chassis';
import CircuitBreaker from 'opossum';

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
export interface Breaker {
  /** Whether requests may be sent. */
  readonly closed: boolean;
  /** A request is being sent. */
  begin(): Attempt;
  close(): void;
}

export interface BreakerOptions {
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

const STATES = ['closed', 'half_open', 'open'] as const;

/**
 * Opens when most of the requests of the last seconds got no answer, and then refuses at once. Only the absence of an
 * answer counts: whatever a service says, an error or "too busy" included, says that it is there. No client's request
 * is the one that tries whether it is back: the gateway asks for its health.
 */
export function createBreaker({ name, probe, metrics }: BreakerOptions): Breaker {
  const state = metrics.gauge('gateway_breaker_state', "1 for the state that a service's breaker is in", [
    'upstream',
    'state',
  ]);
  const show = (now: (typeof STATES)[number]) => {
    for (const each of STATES) state.set({ upstream: name, state: each }, each === now ? 1 : 0);
  };
  show('closed');

  const breaker = new CircuitBreaker(
    (outcome: (answered: () => void, failed: (error: Error) => void) => void) => {
      return new Promise<void>(outcome);
    },
    {
      name,
      // Requests have time limits of their own, and longer ones when their clients want to wait.
      timeout: false,
      rollingCountTimeout: WINDOW_MS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      volumeThreshold: MIN_REQUESTS,
      errorThresholdPercentage: FAILURES_PERCENT,
      resetTimeout: PROBE_EVERY_MS,
    },
  );
  breaker.on('open', () => show('open'));
  breaker.on('close', () => show('closed'));
  breaker.on('halfOpen', () => {
    show('half_open');
    fire((answered, failed) => void probe().then(answered, failed));
  });

  function fire(outcome: (answered: () => void, failed: (error: Error) => void) => void): void {
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
    close: () => breaker.shutdown(),
  };
}
