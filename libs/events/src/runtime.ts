import { setTimeout as delay } from 'node:timers/promises';

/** Time, as everything here that waits takes it: real in production, virtual in the simulation. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch {
      // aborted: the caller sees it on its signal
    }
  },
};

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
    over.abort();
  }
}

/** What this library logs with; a pino logger fits. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Waiting times that double from `first` to `last` ms, each shortened at random by up to half so that a crowd spreads out. */
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
