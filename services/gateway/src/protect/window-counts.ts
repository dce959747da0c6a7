import { LRUCache } from 'lru-cache';

/** So many requests in so many seconds. */
export interface Quota {
  readonly requests: number;
  readonly seconds: number;
}

/** What is counted for one key, from its first request on until the window ends. */
export interface Window {
  readonly key: string;
  /** Counted so far by all instances, as Redis last told; those of this one that it was told of are in it. */
  common: number;
  /** Counted here and on the way to Redis. */
  sent: number;
  /** Counted here; Redis has not been told. */
  own: number;
  /** ms, on the clock of the caller. */
  endsAt: number;
}

export interface WindowCounts {
  readonly quota: Quota;
  /** Counts one request of `key` if there is room for it. */
  take(key: string, now: number): { readonly window: Window; readonly taken: boolean };
  /** The windows that have something to tell; they are handed out once. */
  changed(): Window[];
  /** Keys that are remembered. */
  readonly size: number;
}

export function used(window: Window): number {
  return window.common + window.sent + window.own;
}

/**
 * Counts in this process alone; `shareCounts` makes them common. At most `maxKeys` are remembered: the one that did not
 * ask for the longest is forgotten. Its common count is found again in Redis when it comes back.
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
      // What is refused is not counted: who keeps asking is let in again when the window ends, like everybody.
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
