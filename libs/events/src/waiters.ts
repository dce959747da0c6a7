import type { EventType } from './catalog.ts';

export interface WaitOptions {
  /** Only these types wake; absent: any event of the key. */
  readonly types?: readonly EventType[];
  /** Longest wait, ms. */
  readonly timeoutMs: number;
  /** Ends the wait early, e.g. when the client has gone. */
  readonly signal?: AbortSignal;
}

/** Wakes those who wait for something to happen to a key. A hint, never a source of truth: what happened is in the database. */
export interface Waiters {
  /** Resolves once the group has joined and stands at the end of every topic: no event after that is missed. */
  ready(): Promise<void>;
  /**
   * Resolves true at the next event of `key`, false after the time-out. Call it BEFORE reading the state to be waited
   * for (an event between the reading and the call would be missed), and read the state again after it, either way.
   */
  waitFor(key: string, options: WaitOptions): Promise<boolean>;
  stop(): Promise<void>;
}
