import { call } from './api.ts';
import type { Page } from './types.ts';

export interface Listing<T> {
  readonly items: readonly T[];
  /** True once the first part is loaded. */
  readonly loaded: boolean;
  readonly hasMore: boolean;
  /** Fetches the next part, beginning with the first. @throws {Problem} */
  next(): Promise<void>;
}

/** A list of the API, fetched part by part. `path` may already have a query. */
export function createListing<T>(path: string, signal: AbortSignal): Listing<T> {
  let items: readonly T[] = [];
  let cursor: string | null | undefined;
  let fetching: Promise<void> | undefined;

  const fetchNext = async () => {
    const from = typeof cursor === 'string' ? `cursor=${encodeURIComponent(cursor)}` : '';
    const mark = from && (path.includes('?') ? '&' : '?');
    const { data } = await call<Page<T>>('GET', `${path}${mark}${from}`, { signal });
    items = [...items, ...data.items];
    cursor = data.nextCursor ?? null;
  };

  return {
    get items() {
      return items;
    },
    get loaded() {
      return cursor !== undefined;
    },
    get hasMore() {
      return typeof cursor === 'string';
    },
    next() {
      // A second click must not fetch the same part again.
      fetching ??= fetchNext().finally(() => {
        fetching = undefined;
      });
      return fetching;
    },
  };
}
