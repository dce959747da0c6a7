import type { Latency } from './latency.ts';
import type { Traffic } from './traffic.ts';

/** What the parent sends. */
export interface LoadPlan {
  /** Base URLs that the requests go to in turn. */
  readonly targets: readonly string[];
  /** INTERNAL_KEYS, for targets that are services themselves. */
  readonly internalKeys?: string | undefined;
  /** A file with the tokens of the users (`tokensFile`). */
  readonly tokens?: string;
  readonly traffic: Traffic;
  /** Requests a second. */
  readonly rate: number;
  /** Sent at the same rate before the window, and not counted. */
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Starts every idempotency key; no other load may have used it. */
  readonly run: string;
}

export type GeneratorMessage =
  | { readonly kind: 'window'; readonly edge: 'start' | 'end'; readonly at: number }
  | { readonly kind: 'result'; readonly result: LoadResult };

export interface LoadResult {
  /** Requests that were due in the window. */
  readonly offered: number;
  /** Right answers: of orders the 202s, and the 201s of those that waited. */
  readonly accepted: number;
  /** What the others were: `503 SERVICE_UNAVAILABLE`, `timeout`, `ECONNRESET` … */
  readonly failures: Readonly<Record<string, number>>;
  /** From when it was due to the answer's end, of those that do not wait. */
  readonly answer: Latency;
  /** The same of those that wait, whose answer is the end of the saga. */
  readonly waited: Latency;
  /** The longest a request was sent after it was due, ms: what the generator itself, or the machine, was late. */
  readonly latestSendMs: number;
  /** Times of the window, ms since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** How many requests a plan sends in all, those before the window included. */
export function requestCount({ rate, warmupSeconds, seconds }: Pick<LoadPlan, 'rate' | 'warmupSeconds' | 'seconds'>) {
  const warmup = Math.round(warmupSeconds * rate);
  return { warmup, total: warmup + Math.round(seconds * rate) };
}
