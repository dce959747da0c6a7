import { LRUCache } from 'lru-cache';

/** An answer that was right a while ago. */
export interface GoodAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  /** It was so old already when it came, s. */
  readonly ageThen: number;
  /** ms, on the clock of `now`. */
  readonly at: number;
}

/** The last good answers to reads that are the same for everybody. Never for anything that depends on who asks. */
export interface LastGood {
  /** Takes an answer (status 200) in place of an earlier one. `key` is the path with its query. */
  keep(key: string, answer: Omit<GoodAnswer, 'at'>): void;
  /** Undefined when there is none, or none that is young enough to be shown. */
  find(key: string): GoodAnswer | undefined;
  /** Seconds since it was made. */
  age(answer: GoodAnswer): number;
  /** Bytes that are kept. */
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
/** What an entry takes besides its key and body, roughly. */
const ENTRY_BYTES = 300;
/** An answer is taken over at most so often, ms: under load the one before is as good. */
const REFRESH_MS = 1_000;

/** Those that were not refreshed for the longest make room. One answer takes at most an eighth of it. */
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
      // A copy: the bytes may be a small part of what was read from the socket, all of which would stay.
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
