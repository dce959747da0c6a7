import { createBatcher, findIdempotencyKeys, type Metrics, type SqlExecutor, succeeded } from '@shop/chassis';
import type { FindKey } from '../usecases/ports.ts';
import { readOrders, readProgress } from './order-reads.ts';

/** Longest wait for its query of one who reads an order, ms. */
const READ_WITHIN_MS = 500;
/** A refused look only delays the news of those who follow an order. */
const PROGRESS_WITHIN_MS = 1_000;
/** A key is looked up for one who is refused anyway: quickly or not at all. */
const FIND_KEY_WITHIN_MS = 100;

interface Options {
  readonly database: SqlExecutor;
  readonly metrics: Metrics;
  /** Orders that are followed at once, at most. */
  readonly maxStreams: number;
}

/** The reads of one moment are one query. */
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
  return {
    /** Of those who come to look. */
    orders: orders('read-orders', { maxWaitMs: READ_WITHIN_MS }),
    /** Of those whose order is placed or cancelled already: they get to know, however long it takes. */
    ownOrders: orders('read-own-orders'),
    progress: createBatcher({
      name: 'read-progress',
      maxSize: 500,
      concurrency: 2,
      maxQueue: 2 * maxStreams,
      maxWaitMs: PROGRESS_WITHIN_MS,
      metrics,
      run: each(readProgress),
    }),
    keys: createBatcher({
      name: 'find-keys',
      maxSize: 500,
      maxWaitMs: FIND_KEY_WITHIN_MS,
      metrics,
      run: async (wanted: readonly Parameters<FindKey>[0][]) =>
        (await findIdempotencyKeys(database, wanted)).map((outcome) => succeeded(outcome)),
    }),
  };
}
