/**
 * A line that was not empty for this long is standing: more arrives than is served. It stays standing until it was
 * empty for as long, since a service that batches frees many places at a time, which empties any line.
 */
const STANDING_AFTER_MS = 100;
/** Longest wait in a line that empties now and then, where waiting evens out bursts. */
const MAX_WAIT_MS = 100;
/** Longest wait in a standing line, where waiting helps no request. */
const STANDING_WAIT_MS = 30;

/** Requests that wait for a place, bounded in time. Times in ms, on any one clock. */
export interface WaitingLine<T> {
  readonly length: number;
  /** True when the line was not empty for some time: more arrives than is served. */
  isStanding(now: number): boolean;
  add(item: T, now: number): void;
  /** The next to be served: the oldest, or the newest once the line is standing. */
  next(now: number): T | undefined;
  /** Removes an item that has waited too long, the oldest first; undefined when there is none. */
  expired(now: number): T | undefined;
  remove(item: T, now: number): boolean;
}

/**
 * CoDel for requests with adaptive LIFO (Maurer, "Fail at Scale", ACM Queue 2015). Once the line is standing, the
 * newest requests are served first: their clients are the likeliest to be still there, and their answers are quick.
 */
// One function: each method is a few lines on the same items and times, which change together.
export function createWaitingLine<T>(): WaitingLine<T> {
  const items: T[] = [];
  const times: number[] = [];
  let busySince = 0;
  let emptySince = Number.NEGATIVE_INFINITY;
  let standing = false;

  function isStanding(now: number): boolean {
    if (items.length > 0) standing ||= now - busySince >= STANDING_AFTER_MS;
    else standing &&= now - emptySince < STANDING_AFTER_MS;
    return standing;
  }

  /** Called before an item is removed. */
  function leave(now: number): void {
    if (items.length === 1) emptySince = now;
  }

  const longestWait = (now: number) => (isStanding(now) ? STANDING_WAIT_MS : MAX_WAIT_MS);

  return {
    get length() {
      return items.length;
    },
    isStanding,
    add(item, now) {
      isStanding(now);
      if (items.length === 0) busySince = now;
      items.push(item);
      times.push(now);
    },
    next(now) {
      const newest = isStanding(now);
      leave(now);
      if (newest) {
        times.pop();
        return items.pop();
      }
      times.shift();
      return items.shift();
    },
    expired(now) {
      const [oldest] = times;
      if (oldest === undefined || now - oldest <= longestWait(now)) return undefined;
      leave(now);
      times.shift();
      return items.shift();
    },
    remove(item, now) {
      const index = items.indexOf(item);
      if (index === -1) return false;
      leave(now);
      items.splice(index, 1);
      times.splice(index, 1);
      return true;
    },
  };
}
