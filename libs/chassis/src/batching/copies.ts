import { LRUCache } from 'lru-cache';
import type { Metrics } from '../process/index.ts';
import { succeeded } from './batch-runs.ts';
import { createBatcher } from './batcher.ts';

export interface CopiesOptions<W, V> {
  /** Label of its measures, e.g. `products`. */
  readonly name: string;
  /** Oldest copy shown, ms. */
  readonly maxAgeMs: number;
  /** The same text for the same wish, another for another. */
  readonly keyOf: (wish: W) => string;
  /** Reads what all of them wish for, in this order: one statement. What it reads is no older than its call. */
  readonly load: (wishes: readonly W[]) => Promise<readonly V[]>;
  /** Memory of a value, roughly, bytes. */
  readonly bytesOf: (value: V) => number;
  /** Default 16 MiB. */
  readonly maxBytes?: number;
  readonly metrics?: Metrics;
  /** ms, on a clock that runs forward. */
  readonly now?: () => number;
  /** See `createBatcher`. */
  readonly nextTurn?: (start: () => void) => void;
}

export interface FindOptions {
  /** Only what is read from now on will do. */
  readonly fresh?: boolean;
}

/** Values read a moment ago, for the many who ask for the same. */
export interface Copies<W, V> {
  /** At once from a copy that is young enough; otherwise read, together with whatever else is asked for now. */
  find(wish: W, options?: FindOptions): V | Promise<V>;
  /** Something was committed here: values read before, or being read, answer no question asked from now on. */
  changed(): void;
  /** Bytes that are kept. */
  readonly bytes: number;
  /** Refuses new reads and resolves once those that were taken are done. */
  stop(): Promise<void>;
}

interface Copy<V> {
  readonly value: V;
  /** When its reading began. */
  readonly at: number;
  readonly generation: number;
}

/** A reading that is asked for, and from its start on: when that was. */
interface Reading<W, V> {
  readonly wish: W;
  readonly key: string;
  value: Promise<V> | undefined;
  startedAt: number | undefined;
  generation: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
/** Memory of an entry besides its key and value, roughly, bytes. */
const ENTRY_BYTES = 200;

/**
 * Copies of answers that are the same for everybody. A copy's age counts from the start of its reading, so that what is
 * shown is at most `maxAgeMs` behind the database, whoever changed it. What is asked for in one moment is read
 * together; two readings are at work at most, so that one that hangs does not stop all, and nothing is read that nobody
 * asks for. A reading that fails leaves no copy in its place: an outage shows as soon as the copy is too old. The
 * least recently refreshed copies are evicted; one copy takes at most an eighth of the memory.
 */
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

  /** A reading that has not begun will see all that is committed by now. */
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
