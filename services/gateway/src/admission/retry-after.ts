/** Half-life of the counts, ms. */
const HALF_LIFE_MS = 2_000;
/** Seconds of spread for each refused request beside a served one. */
const SECONDS_FOR_EACH = 3;
const MAX_SECONDS = 30;
/** Added to the served requests: a few refusals of an idle gateway are no excess. */
const ALWAYS_SERVED = 10;

/**
 * The wait of refused clients: random within a window that grows with the excess, so that they do not return together.
 */
export interface RetryAfter {
  countServed(): void;
  countRefused(): void;
  /** Whole seconds, at least 1. */
  seconds(): number;
}

export interface RetryAfterOptions {
  /** ms. */
  readonly now: () => number;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
}

export function createRetryAfter({ now, random }: RetryAfterOptions): RetryAfter {
  let served = 0;
  let refused = 0;
  let at = now();

  function forget(): void {
    const later = now();
    // Not at each request: computing the power costs more than counting.
    if (later - at < 100) return;
    const left = 0.5 ** ((later - at) / HALF_LIFE_MS);
    served *= left;
    refused *= left;
    at = later;
  }

  return {
    countServed() {
      forget();
      served++;
    },
    countRefused() {
      forget();
      refused++;
    },
    seconds() {
      forget();
      const excess = refused / (served + ALWAYS_SERVED);
      const window = Math.min(MAX_SECONDS, 1 + Math.floor(SECONDS_FOR_EACH * excess));
      return 1 + Math.floor(random() * window);
    },
  };
}
