import { oneAtATime } from '@shop/chassis';

interface Options<K, V> {
  readonly load: (key: K) => Promise<V>;
  /** How long a value is given without loading again, ms. */
  readonly freshMs: number;
  /** Longest age of a value while loading fails, ms. */
  readonly staleMs: number;
  /** Called with the error when the last value is given instead of a new one. */
  readonly failed: (error: unknown) => void;
  /** ms since any moment, by a clock that is never set back. */
  readonly now: () => number;
}

/**
 * Values that may be a little old. A caller of an outdated value waits for the one load in progress; if that fails, the
 * last value is given for a while. Keys must be few: they are kept.
 */
export function createFresh<K, V>({ load, freshMs, staleMs, failed, now }: Options<K, V>): (key: K) => Promise<V> {
  const last = new Map<K, { value: V; loadedAt: number }>();

  const reload = oneAtATime(async (key: K): Promise<V> => {
    const askedAt = now();
    try {
      const value = await load(key);
      last.set(key, { value, loadedAt: askedAt });
      return value;
    } catch (error) {
      const known = last.get(key);
      if (!known || now() - known.loadedAt >= staleMs) throw error;
      failed(error);
      return known.value;
    }
  });

  return async (key) => {
    const known = last.get(key);
    if (known && now() - known.loadedAt < freshMs) return known.value;
    return await reload(key);
  };
}
