/** The time source of all code here that waits: real in production, virtual in the simulation. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Not the promised timer: it creates two errors with stacks at every abort, and every wake-up is an abort.
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end, { once: true });
    }),
};

/** The abort reason for ending a wait. Without a given reason the platform creates an error with a stack each time. */
export const WOKEN = 'woken';

/** Waits for `work`, but no longer than `ms`. Never rejects. @returns whether it was done in time */
export async function atMost(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  const done = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([done, clock.sleep(ms, over.signal).then(() => false)]);
  } finally {
    over.abort(WOKEN);
  }
}

/** Pauses of a loop that polls for rare work, ms: the first after a poll that found work, and the longest. */
export interface Pauses {
  readonly first: number;
  readonly last: number;
}

/**
 * The pause before the next poll, ms. It doubles after each empty poll, so work is found quickly and idling costs
 * little.
 */
export function pauseAfter(inVain: number, { first, last }: Pauses): number {
  return Math.min(first * 2 ** inVain, last);
}

/**
 * Waiting times that double from `first` to `last` ms, each shortened at random by up to half so that a crowd spreads
 * out.
 */
export function createBackoff(first: number, last: number, random: () => number = Math.random) {
  let next = first;
  return {
    /** Milliseconds to wait now. */
    next(): number {
      const base = next;
      next = Math.min(next * 2, last);
      return Math.ceil(base * (1 - random() / 2));
    },
    reset(): void {
      next = first;
    },
  };
}
