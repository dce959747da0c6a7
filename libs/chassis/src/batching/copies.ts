import { LRUCache } from 'lru-cache';
import type { Metrics } from '../process/index.ts';
import { succeeded } from './batch-runs.ts';
import { createBatcher } from './batcher.ts';

export interface CopiesOptions<W, V> {
  /** Label of its metrics, e.g. `products`. */
  readonly name: string;
  /** Oldest copy shown, ms. */
  readonly maxAgeMs: number;
  /** The key of a wish: equal for equal wishes, different for different ones. */
  readonly keyOf: (wish: W) => string;
  /** Reads the values of all wishes, in their order, by one statement. A value is no older than the call. */
  readonly load: (wishes: readonly W[]) => Promise<readonly V[]>;
  /** Approximate memory of a value, bytes. */
  readonly bytesOf: (value: V) => number;
  /** Default 16 MiB. */
  readonly maxBytes?: number;
  readonly metrics?: Metrics;
  /** A clock that runs forward, ms. */
  readonly now?: () => number;
  /** See `createBatcher`. */
  readonly nextTurn?: (start: () => void) => void;
}

export interface FindOptions {
  /** True: use only a reading that begins from now on. */
  readonly fresh?: boolean;
}

/** Values read a moment ago, shared by many requests for the same. */
export interface Copies<W, V> {
  /**
   * Answers at once from a copy that is young enough; otherwise reads, together with all other values asked for now.
   */
  find(wish: W, options?: FindOptions): V | Promise<V>;
  /** Called after a commit here: values read or being read before it answer no later request. */
  changed(): void;
  /** Bytes of all copies. */
  readonly bytes: number;
  /** Refuses new reads and resolves once the accepted ones are done. */
  stop(): Promise<void>;
}

interface Copy<V> {
  readonly value: V;
  /** The time its reading began. */
  readonly at: number;
  readonly generation: number;
}

/** A requested reading, with its start time once it has begun. */
interface Reading<W, V> {
  readonly wish: W;
  readonly key: string;
  value: Promise<V> | undefined;
  startedAt: number | undefined;
  generation: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
/** Approximate memory of an entry besides its key and value, bytes. */
const ENTRY_BYTES = 200;

/**
 * Copies of answers that are the same for all clients. A copy's age counts from the start of its reading, so that a
 * shown value is at most `maxAgeMs` behind the database, whichever process changed it. Values requested at the same
 * moment are read together. At most two readings run at once, so that a hanging one does not stop all; nothing is read
 * without a request. A failed reading leaves no copy: an outage shows as soon as the copy is too old. The least
 * recently refreshed copies are evicted; one copy takes at most an eighth of the memory.
 */
// One function: the copies, the readings and the generation change together, and nothing else may see them.
export function createCopies<W, V>(options: CopiesOptions<W, V>): Copies<W, V> {
  const { name, maxAgeMs, keyOf, load, bytesOf, maxBytes = MAX_BYTES, metrics, nextTurn } = options;
  const { now = performance.now.bind(performance) } = options;
  const hits = metrics?.counter('copies_shown_total', 'Reads answered from a copy in the process', ['copies']);
  const copies = new LRUCache<string, Copy<V>>({
    maxSize: maxBytes,
    maxEntrySize: Math.floor(maxBytes / 8),
    sizeCalculation: ({ value }, key) => key.length + ENTRY_BYTES + bytesOf(value),
  });
  const readings = new Map<string, Reading<W, V>>();
  let generation = 0;

  const batcher = createBatcher<Reading<W, V>, V>({
    name: `read-${name}`,
    maxSize: 100,
    concurrency: 2,
    ...(metrics ? { metrics } : {}),
    ...(nextTurn ? { nextTurn } : {}),
    async run(batch) {
      const startedAt = now();
      for (const reading of batch) {
        reading.startedAt = startedAt;
        reading.generation = generation;
      }
      const values = await load(batch.map(({ wish }) => wish));
      return batch.map((reading, index) => {
        const value = values[index] as V;
        keep(reading, value, startedAt);
        return succeeded(value);
      });
    },
  });

  function keep({ key, generation: of }: Reading<W, V>, value: V, at: number): void {
    const before = copies.peek(key);
    if (before && before.at > at) return;
    if (of === generation) copies.set(key, { value, at, generation: of });
    else copies.delete(key);
  }

  /** A reading that has not begun will see all commits up to now. */
  function mayJoin({ startedAt, generation: of }: Reading<W, V>, fresh: boolean): boolean {
    if (startedAt === undefined) return true;
    return !fresh && of === generation && now() - startedAt <= maxAgeMs;
  }

  function read(wish: W, key: string): Promise<V> {
    const reading: Reading<W, V> = { wish, key, value: undefined, startedAt: undefined, generation };
    readings.set(key, reading);
    const value = batcher.submit(reading).finally(() => {
      if (readings.get(key) === reading) readings.delete(key);
    });
    reading.value = value;
    return value;
  }

  return {
    find(wish, { fresh = false } = {}) {
      const key = keyOf(wish);
      const copy = copies.peek(key);
      if (copy && !fresh && copy.generation === generation && now() - copy.at <= maxAgeMs) {
        hits?.inc({ copies: name });
        return copy.value;
      }
      const reading = readings.get(key);
      return reading?.value && mayJoin(reading, fresh) ? reading.value : read(wish, key);
    },
    changed() {
      generation++;
    },
    get bytes() {
      return copies.calculatedSize;
    },
    stop: () => batcher.stop(),
  };
}
