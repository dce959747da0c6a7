import { createBatcher, type Metrics, type SqlExecutor, succeeded } from '@shop/chassis';
import { createFindEachOwned } from '../usecases/owners.ts';
import type { CouponReads, CouponsWish } from '../usecases/ports.ts';
import { findOwned } from './issue-reads.ts';

/** Longest wait, ms, for the query that tells whether the user already has a coupon. */
const OWNED_WITHIN_MS = 400;

interface Options {
  readonly database: SqlExecutor;
  readonly reads: Pick<CouponReads, 'listCoupons'>;
  readonly metrics: Metrics;
}

/** Concurrent reads share one query. */
export function createBatchedReads({ database, reads, metrics }: Options) {
  const owned = createBatcher({
    name: 'find-coupons',
    maxSize: 500,
    paceMs: 15,
    maxWaitMs: OWNED_WITHIN_MS,
    metrics,
    run: createFindEachOwned((owners) => findOwned(database, owners)),
  });
  const lists = createBatcher({
    name: 'list-coupons',
    maxSize: 50,
    concurrency: 2,
    paceMs: 5,
    metrics,
    run: async (wishes: readonly CouponsWish[]) => (await reads.listCoupons(wishes)).map(succeeded),
  });
  return {
    owned,
    lists,
    async stop(): Promise<void> {
      await Promise.all([owned.stop(), lists.stop()]);
    },
  };
}
