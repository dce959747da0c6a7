import { createBatcher } from '@shop/chassis';
import { couponSubscription, issueSubscription } from '../../services/coupon/src/messaging/subscriptions.ts';
import { createAskForCoupon } from '../../services/coupon/src/usecases/ask-for-coupon.ts';
import { createEndPolicy, type EndPolicy } from '../../services/coupon/src/usecases/end-policy.ts';
import { couponIn, createIssueCoupons, type QueuedIssue } from '../../services/coupon/src/usecases/issue-coupons.ts';
import { createDoorLoader } from '../../services/coupon/src/usecases/load-door.ts';
import { createFindEachOwned } from '../../services/coupon/src/usecases/owners.ts';
import { createPolicies } from '../../services/coupon/src/usecases/policies.ts';
import { createReconcileDoor } from '../../services/coupon/src/usecases/reconcile-door.ts';
import { createIssueFromLog, createRequestIssue } from '../../services/coupon/src/usecases/request-issue.ts';
import { createRevokeCoupons } from '../../services/coupon/src/usecases/revoke-coupons.ts';
import type { Process, Wired } from './instance.ts';
import { createMemoryCouponReads, createMemoryCouponStore, createMemoryRequestStore } from './memory-coupon-store.ts';
import type { MemoryTransaction } from './memory-database.ts';
import { createMemoryEndStore, createMemoryRevocationStore } from './memory-policy-end-store.ts';
import { type CouponTables, createMemoryRedemptionStore } from './memory-redemption-store.ts';
import { connectDoor, type SimulatedRedis } from './simulated-redis.ts';

const RECONCILE_EVERY_MS = 400;
const REVOKE_EVERY_MS = 300;
/** Few, so that a policy takes several transactions. */
const REVOKED_AT_ONCE = 2;
/** Longer than any request takes here. */
const PLACE_STALE_MS = 5_000;

/** Coupon's HTTP use cases. */
export interface CouponUseCases extends ReturnType<typeof createAskForCoupon> {
  /** Puts a request on the log. Resolves with its id once it is committed. */
  accept(request: QueuedIssue): Promise<string>;
  end: EndPolicy;
}

/** Wires coupon like its main.ts. */
export function wireCoupon(tables: CouponTables, redis: SimulatedRedis) {
  return ({ actor, outbox, clock, transaction, logger }: Process): Wired<CouponUseCases> => {
    const now = () => new Date(clock.now());
    const door = connectDoor(redis, actor);
    const coupons = createMemoryCouponStore(tables);
    const requests = createMemoryRequestStore(tables);
    const reads = createMemoryCouponReads(tables, transaction);
    const tellDoor = (told: Parameters<typeof door.confirm>[0]) => {
      if (told.length > 0) door.confirm(told).catch(() => undefined);
    };
    const nextTurn = (start: () => void) => void redis.scheduler.step(actor, 'a batch begins').then(start);
    const transactor = { transaction };
    const policies = createPolicies(reads.findPolicy, clock.now);
    const asking = createAskForCoupon({
      policies,
      door,
      loader: createDoorLoader({ door, findHolders: reads.findHolders }),
      issues: createBatcher({
        nextTurn,
        run: createIssueCoupons<MemoryTransaction>({ transactor, store: coupons, outbox, onIssued: tellDoor }),
      }),
      owned: createBatcher({ nextTurn, run: createFindEachOwned(reads.findOwned) }),
      maxWithoutDoor: 1_000,
      logger,
      now: clock.now,
    });
    const accepting = createBatcher({
      nextTurn,
      run: createRequestIssue<MemoryTransaction>({ transactor, requests, outbox, now }),
    });
    const reconcile = createReconcileDoor({
      ...{ door, listPolicies: reads.listPolicies, findHolders: reads.findHolders },
      placeStaleMs: PLACE_STALE_MS,
      now: clock.now,
    });
    const issue = createIssueFromLog<MemoryTransaction>({
      ...{ coupons, requests, outbox, now },
      onDecided: (outcomes) => tellDoor(outcomes.flatMap(couponIn)),
    });
    return {
      subscriptions: [
        couponSubscription({ store: createMemoryRedemptionStore(tables), outbox, now }),
        issueSubscription(issue),
      ],
      useCases: {
        ...asking,
        accept: (request) => accepting.submit(request),
        end: createEndPolicy({ transactor, ends: createMemoryEndStore(tables, coupons), outbox, now }),
      },
      jobs: [
        {
          name: 'reconcile the door',
          everyMs: RECONCILE_EVERY_MS,
          run: () => reconcile({ execute: true, onlyChanged: true }),
        },
        {
          name: 'revoke coupons',
          everyMs: REVOKE_EVERY_MS,
          run: createRevokeCoupons({
            ...{ transactor, now },
            revocations: createMemoryRevocationStore(tables, transaction),
            batch: REVOKED_AT_ONCE,
          }),
        },
      ],
    };
  };
}
