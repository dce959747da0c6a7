import { createBatcher, type Metrics, type SqlExecutor, succeeded } from '@shop/chassis';
import { findEachOwned } from '../usecases/owners.ts';
import type { CouponReads, CouponsWish } from '../usecases/reads.ts';
import { findOwned } from './coupon-store.ts';

/** Longest wait, ms, for the query that tells whether the user already has a coupon. */
const OWNED_WITHIN_MS = 400;

interface Options {
  readonly database: SqlExecutor;
  readonly reads: Pick<CouponReads, 'listCoupons'>;
  readonly metrics: Metrics;
}

/** The reads of one moment are one query. */
export function createReadBatches({ database, reads, metrics }: Options) {
  return {
    owned: createBatcher({
      name: 'find-coupons',
      maxSize: 500,
      paceMs: 15,
      maxWaitMs: OWNED_WITHIN_MS,
      metrics,
      run: findEachOwned((owners) => findOwned(database, owners)),
    }),
    lists: createBatcher({
      name: 'list-coupons',
      maxSize: 50,
      concurrency: 2,
      paceMs: 5,
      metrics,
      run: async (wishes: readonly CouponsWish[]) => (await reads.listCoupons(wishes)).map(succeeded),
    }),
  };
}
