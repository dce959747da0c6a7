import { LRUCache } from 'lru-cache';

/** A former good answer. */
export interface GoodAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  /** Its age on arrival, s. */
  readonly ageThen: number;
  /** Time of arrival, ms, on the clock of `now`. */
  readonly at: number;
}

/** The last good answers to reads that are the same for all clients. Never for answers that depend on the caller. */
export interface LastGood {
  /** Keeps an answer (status 200) in place of an earlier one. `key` is the path with its query. */
  keep(key: string, answer: Omit<GoodAnswer, 'at'>): void;
  /** Undefined when there is none, or it is too old to be shown. */
  find(key: string): GoodAnswer | undefined;
  /** Seconds since the answer was made. */
  age(answer: GoodAnswer): number;
  /** Bytes of all answers. */
  readonly bytes: number;
}

export interface LastGoodOptions {
  /** Oldest answer shown, s; 0 keeps none. */
  readonly maxAgeSeconds: number;
  readonly maxBytes?: number;
  /** ms. */
  readonly now?: () => number;
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_ANSWERS = 2_000;
/** Approximate memory of an entry besides its key and body, bytes. */
const ENTRY_BYTES = 300;
/** Least time between two updates of an answer, ms: under load the one before is as good. */
const REFRESH_MS = 1_000;

/** The least recently refreshed answers are evicted. One answer takes at most an eighth of the memory. */
export function createLastGood({
  maxAgeSeconds,
  maxBytes = MAX_BYTES,
  now = performance.now.bind(performance),
}: LastGoodOptions): LastGood {
  const answers = new LRUCache<string, GoodAnswer>({
    max: MAX_ANSWERS,
    maxSize: maxBytes,
    maxEntrySize: Math.floor(maxBytes / 8),
    sizeCalculation: ({ body }, key) => key.length + body.length + ENTRY_BYTES,
  });

  return {
    keep(key, { contentType, body, ageThen }) {
      if (maxAgeSeconds === 0) return;
      const at = now();
      const before = answers.peek(key);
      if (before && at - before.at < REFRESH_MS) return;
      // Copied, since the bytes may be a small part of a socket buffer that would stay in memory as a whole.
      answers.set(key, { contentType, body: Buffer.from(body), ageThen, at });
    },
    find(key) {
      const answer = answers.peek(key);
      return answer && now() - answer.at <= maxAgeSeconds * 1000 ? answer : undefined;
    },
    age: ({ at, ageThen }) => ageThen + Math.floor((now() - at) / 1000),
    get bytes() {
      return answers.calculatedSize;
    },
  };
}
