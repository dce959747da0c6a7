import {
  type Client,
  createBatcher,
  findIdempotencyKeys,
  type Metrics,
  type SqlExecutor,
  succeeded,
} from '@shop/chassis';
import type { FindKey } from '../usecases/ports.ts';
import { readOrders, readProgress } from './order-reads.ts';

/** Longest wait of a reading client for its query, ms. */
const READ_WITHIN_MS = 500;
/** A refused look only delays the news for clients that follow an order. */
const PROGRESS_WITHIN_MS = 1_000;
/** The request is refused in any case, so its key is looked up quickly or not at all. */
const FIND_KEY_WITHIN_MS = 100;

interface Options {
  readonly database: SqlExecutor;
  readonly metrics: Metrics;
  /** Most orders followed at once. */
  readonly maxStreams: number;
}

/** Concurrent reads share one query. */
export function createBatchedReads({ database, metrics, maxStreams }: Options) {
  /** Gives each order its own row of one query. */
  const each =
    <R>(read: (db: SqlExecutor, orderIds: readonly string[]) => Promise<ReadonlyMap<string, R>>) =>
    async (orderIds: readonly string[]) => {
      const found = await read(database, orderIds);
      return orderIds.map((orderId) => succeeded(found.get(orderId)));
    };
  const orders = (name: string, options: { readonly maxWaitMs?: number } = {}) =>
    createBatcher({
      ...options,
      name,
      maxSize: 500,
      concurrency: 2,
      metrics,
      run: each(readOrders),
    });
  const looks = orders('read-orders', { maxWaitMs: READ_WITHIN_MS });
  const ownLooks = orders('read-own-orders');
  const progress = createBatcher({
    name: 'read-progress',
    maxSize: 500,
    concurrency: 2,
    maxQueue: 2 * maxStreams,
    maxWaitMs: PROGRESS_WITHIN_MS,
    metrics,
    run: each(readProgress),
  });
  const keys = createBatcher({
    name: 'find-keys',
    maxSize: 500,
    maxWaitMs: FIND_KEY_WITHIN_MS,
    metrics,
    run: async (wanted: readonly Parameters<FindKey>[0][]) =>
      (await findIdempotencyKeys(database, wanted)).map((outcome) => succeeded(outcome)),
  });
  return {
    /**
     * With a `client` it is a look, which is refused under load. Without one it answers about an order already placed
     * or cancelled, and is read however long it takes.
     */
    readOrder: (orderId: string, client?: Client) =>
      client ? looks.submit(orderId, client) : ownLooks.submit(orderId),
    readProgress: (orderId: string) => progress.submit(orderId),
    findKey: (key: Parameters<FindKey>[0]) => keys.submit(key),
    async stop(): Promise<void> {
      await Promise.all([looks, ownLooks, progress, keys].map((batcher) => batcher.stop()));
    },
  };
}
