import type { Latency } from './latency.ts';
import type { Traffic } from './traffic.ts';

/** The plan that the parent sends. */
export interface LoadPlan {
  /** Base URLs that the requests go to in turn. */
  readonly targets: readonly string[];
  /** INTERNAL_KEYS, for targets that are services. */
  readonly internalKeys?: string | undefined;
  /** A file with the tokens of the users (`tokensFile`). */
  readonly tokens?: string;
  readonly traffic: Traffic;
  /** Requests a second. */
  readonly rate: number;
  /** Lead-in at the same rate before the window, not counted. */
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Prefix of every idempotency key; must differ from other loads'. */
  readonly run: string;
}

export type GeneratorMessage =
  | { readonly kind: 'window'; readonly edge: 'start' | 'end'; readonly at: number }
  | { readonly kind: 'result'; readonly result: LoadResult };

export interface LoadResult {
  /** Requests due in the window. */
  readonly offered: number;
  /** Right answers: for orders the 202s, and the 201s of waiting requests. */
  readonly accepted: number;
  /** Other answers: `503 SERVICE_UNAVAILABLE`, `timeout`, `ECONNRESET` … */
  readonly failures: Readonly<Record<string, number>>;
  /** Time from due to the answer's end, of requests that do not wait. */
  readonly answer: Latency;
  /** The same for waiting requests, whose answer is the end of the saga. */
  readonly waited: Latency;
  /** The greatest delay of a request after its due time, ms: lateness of the generator or the machine. */
  readonly latestSendMs: number;
  /** Times of the window, ms since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** Number of requests of a plan, including those before the window. */
export function requestCount({ rate, warmupSeconds, seconds }: Pick<LoadPlan, 'rate' | 'warmupSeconds' | 'seconds'>) {
  const warmup = Math.round(warmupSeconds * rate);
  return { warmup, total: warmup + Math.round(seconds * rate) };
}
