import type { Latency } from './latency.ts';

/** What the parent tells the followers, one after the other. */
export interface FollowersPlan {
  readonly gateway: string;
  /** Streams that are open all the time, of orders that are held. */
  readonly open: number;
  /** Orders that are placed and followed beside them. */
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

/** What streams of one kind were told. */
export interface Told {
  readonly streams: number;
  /**
   * From the end of an order (the time in its last event) to the arrival of that event, of streams that were open
   * before.
   */
  readonly end: Latency;
  /** Orders that had ended before their stream was open. */
  readonly late: number;
  /** Why others were not told: `status 503`, `broken`, `without its end`, `a step is missing`. */
  readonly failures: Readonly<Record<string, number>>;
}
