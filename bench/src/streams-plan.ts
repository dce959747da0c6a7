import type { Latency } from './latency.ts';

/** The plan that the parent sends the followers. */
export interface FollowersPlan {
  readonly gateway: string;
  /** Streams of held orders that stay open all the time. */
  readonly open: number;
  /** Orders placed and followed beside them. */
  readonly live: { readonly perSecond: number; readonly seconds: number };
  readonly users: number;
  readonly products: readonly number[];
}

export type FollowersCommand =
  | { readonly kind: 'open'; readonly plan: FollowersPlan }
  /** Place and follow orders that end by themselves. */
  | { readonly kind: 'live' }
  /** The held orders are about to end. */
  | { readonly kind: 'released' };

export type FollowersMessage = { readonly kind: 'opened' | 'live' | 'released'; readonly told: Told };

/** The results of one kind of streams. */
export interface Told {
  readonly streams: number;
  /**
   * Time from the end of an order (the time in its last event) to the arrival of that event, for streams opened before.
   */
  readonly end: Latency;
  /** Orders that had ended before their stream opened. */
  readonly late: number;
  /** Reasons of failed streams: `status 503`, `broken`, `without its end`, `a step is missing`. */
  readonly failures: Readonly<Record<string, number>>;
}
