import type { Client } from '../http/index.ts';
import type { TraceContext } from '../process/index.ts';

/**
 * A queue is late when it was not empty for this long, ms: the backlog is more than a burst (Maurer, "Fail at Scale").
 */
const LATE_AFTER_MS = 100;

/** An item waiting for its run. */
export interface Waiting<I, O> {
  readonly item: I;
  readonly client: Client | undefined;
  /** Of its request, where that is recorded. */
  readonly trace: TraceContext | undefined;
  readonly since: number;
  readonly resolve: (value: O) => void;
  readonly reject: (error: unknown) => void;
}

/** The items waiting for a run. */
export interface WaitingQueue<I, O> {
  readonly length: number;
  oldest(): Waiting<I, O> | undefined;
  add(waiting: Waiting<I, O>): void;
  /** Removes the items of the next run, in the order of arrival. */
  takeBatch(): readonly Waiting<I, O>[];
  /** Removes items that have waited for too long. They are at the front, whichever end runs first. */
  takeLate(): readonly Waiting<I, O>[];
}

interface Options {
  readonly maxSize: number;
  readonly maxWaitMs: number;
  readonly whenLate: 'newest' | 'oldest';
  readonly now: () => number;
}

export function createWaitingQueue<I, O>({ maxSize, maxWaitMs, whenLate, now }: Options): WaitingQueue<I, O> {
  /** In order of arrival, the oldest first. */
  let queue: Waiting<I, O>[] = [];
  let emptyAt = now();

  return {
    get length() {
      return queue.length;
    },
    oldest: () => queue[0],
    add(waiting) {
      if (queue.length === 0) emptyAt = waiting.since;
      queue.push(waiting);
    },
    takeBatch() {
      const fromEnd = queue.length > maxSize && whenLate === 'newest' && now() - emptyAt > LATE_AFTER_MS;
      const batch = fromEnd ? queue.slice(-maxSize) : queue.slice(0, maxSize);
      queue = fromEnd ? queue.slice(0, -maxSize) : queue.slice(maxSize);
      if (queue.length === 0) emptyAt = now();
      return batch;
    },
    takeLate() {
      const since = now() - maxWaitMs;
      const firstInTime = queue.findIndex((waiting) => waiting.since > since);
      const count = firstInTime < 0 ? queue.length : firstInTime;
      if (count === 0) return [];
      const late = queue.slice(0, count);
      queue = queue.slice(count);
      if (queue.length === 0) emptyAt = now();
      return late;
    },
  };
}
