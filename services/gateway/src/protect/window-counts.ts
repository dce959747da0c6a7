import { LRUCache } from 'lru-cache';

/** A number of requests in a number of seconds. */
export interface Quota {
  readonly requests: number;
  readonly seconds: number;
}

/** The count of one key, from its first request until the window ends. */
export interface Window {
  readonly key: string;
  /** Count of all instances by the last exchange, including the part of this one that was sent. */
  common: number;
  /** Counted here and on its way to Redis. */
  sent: number;
  /** Counted here and not yet sent to Redis. */
  own: number;
  /** ms, on the clock of the caller. */
  endsAt: number;
}

export interface WindowCounts {
  readonly quota: Quota;
  /** Counts one request of `key` if there is room for it. */
  take(key: string, now: number): { readonly window: Window; readonly taken: boolean };
  /** The windows with counts to send; each is returned once. */
  changed(): Window[];
  /** Number of remembered keys. */
  readonly size: number;
}

export function used(window: Window): number {
  return window.common + window.sent + window.own;
}

/**
 * Counts in this process alone; `shareCounts` shares them. At most `maxKeys` are remembered: the key that has not asked
 * for the longest is forgotten. Its shared count is read from Redis again when it returns.
 */
export function createWindowCounts(quota: Quota, maxKeys: number): WindowCounts {
  const changed = new Set<Window>();
  const windows = new LRUCache<string, Window>({ max: maxKeys, dispose: (window) => changed.delete(window) });

  function begin(key: string, now: number): Window {
    const window = { key, common: 0, sent: 0, own: 0, endsAt: now + quota.seconds * 1000 };
    windows.set(key, window);
    return window;
  }

  return {
    quota,
    take(key, now) {
      const known = windows.get(key);
      const window = known && known.endsAt > now ? known : begin(key, now);
      // Refused requests are not counted: a client that keeps asking is admitted again when the window ends, like all
      // others.
      if (used(window) >= quota.requests) return { window, taken: false };
      window.own++;
      changed.add(window);
      return { window, taken: true };
    },
    changed() {
      const all = [...changed];
      changed.clear();
      return all;
    },
    get size() {
      return windows.size;
    },
  };
}
