import { createBatcher, type Metrics, type SqlExecutor, succeeded } from '@shop/chassis';
import { readBalances } from './point-reads.ts';

interface Options {
  readonly database: SqlExecutor;
  readonly metrics: Metrics;
}

/** Concurrent reads share one query. */
export function createBatchedReads({ database, metrics }: Options) {
  const balances = createBatcher({
    name: 'read-balances',
    maxSize: 500,
    concurrency: 2,
    paceMs: 5,
    metrics,
    run: async (userIds: readonly number[]) => (await readBalances(database, userIds)).map(succeeded),
  });
  return { balances, stop: () => balances.stop() };
}
