import {
  createBatcher,
  createCallerVerifier,
  createRedis,
  createRuntime,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
} from '@shop/chassis';
import { createMessaging } from '@shop/events';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import { createBatchedReads } from './db/batched-reads.ts';
import { createCouponReads } from './db/coupon-reads.ts';
import { sqlCouponStore } from './db/coupon-store.ts';
import { createRedisDoor } from './db/door.ts';
import { expireCoupons, purgeRequests } from './db/housekeeping.ts';
import { findHolders, findPolicy, listPolicies } from './db/issue-reads.ts';
import { sqlPolicyStore } from './db/policy-store.ts';
import { createPrisma } from './db/prisma.ts';
import { sqlRedemptionStore } from './db/redemption-store.ts';
import { sqlRequestStore } from './db/request-store.ts';
import type { IssueOutcome } from './domain/issue.ts';
import { createShownPolicies } from './http/shown-policies.ts';
import { couponSubscription, issueSubscription } from './messaging/subscriptions.ts';
import { createAddPolicy } from './usecases/add-policy.ts';
import { createAskForCoupon } from './usecases/ask-for-coupon.ts';
import { couponIn, createIssueCoupons } from './usecases/issue-coupons.ts';
import { createDoorLoader } from './usecases/load-door.ts';
import { createPolicies } from './usecases/policies.ts';
import { createReconcileDoor } from './usecases/reconcile-door.ts';
import { createRepairDoor } from './usecases/repair-door.ts';
import { createIssueFromLog, createRequestIssue } from './usecases/request-issue.ts';
import { createTellDoor } from './usecases/tell-door.ts';

const HOUR_MS = 3_600_000;
/** Longest wait of a request for its transaction or query, ms. */
const WITHIN_MS = 400;

const runtime = createRuntime('coupon', loadConfig(configSchema));
const { config, logger, metrics, health, shutdown } = runtime;
const now = () => new Date();

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime);
const prisma = createPrisma(database);
shutdown.onStop('prisma', () => prisma.close());

const door = createRedisDoor({
  redis: createRedis(config.REDIS_URL, logger, { commandTimeoutMs: config.DOOR_TIMEOUT_MS }),
  metrics,
});
shutdown.onStop('door', () => door.stop());

const answers = metrics.counter('coupon_answers_total', 'Answers to who asks for a coupon, by kind and way', [
  'answer',
  'way',
]);
const count = (kind: IssueOutcome['kind'] | 'ACCEPTED', way: 'door' | 'database' | 'log') =>
  answers.inc({ answer: kind.toLowerCase(), way });

const tellDoor = createTellDoor({ door, logger });

const messaging = createMessaging({ ...runtime, database });
const { outbox } = messaging;
messaging.subscribe(couponSubscription({ store: sqlRedemptionStore, outbox, now }));
messaging.subscribe(
  issueSubscription(
    createIssueFromLog({
      coupons: sqlCouponStore,
      requests: sqlRequestStore,
      outbox,
      now,
      onDecided: (outcomes) => {
        tellDoor(outcomes.flatMap(couponIn));
        for (const { kind } of outcomes) count(kind, 'log');
      },
    }),
  ),
);

const holdersOf = (couponPolicyId: number) => findHolders(database, couponPolicyId);
const reconcile = createReconcileDoor({
  door,
  listPolicies: (after, take) => listPolicies(database, after, take),
  findHolders: holdersOf,
  placeStaleMs: config.DOOR_PLACE_STALE_MS,
  now: Date.now,
});
runtime.repeat({
  name: 'reconcile-door',
  everyMs: config.RECONCILE_EVERY_MS,
  run: createRepairDoor({ reconcile, metrics, logger }),
});
runtime.repeat({
  name: 'expire-coupons',
  everyMs: config.EXPIRE_EVERY_MS,
  run: (signal) => expireCoupons(database, now(), signal),
});
runtime.repeat({
  name: 'purge-coupon-requests',
  everyMs: HOUR_MS,
  run: (signal) => purgeRequests(database, now(), signal),
});
runtime.repeat({
  name: 'purge-idempotency-keys',
  everyMs: HOUR_MS,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const issues = createBatcher({
  name: 'issue-coupons',
  maxSize: 500,
  paceMs: 15,
  maxWaitMs: WITHIN_MS,
  // First come, first served. The queue stays short: most are refused before they are in it.
  whenLate: 'oldest',
  metrics,
  run: createIssueCoupons({ transactor: database, store: sqlCouponStore, outbox, onIssued: tellDoor }),
});
const requests = createBatcher({
  name: 'request-coupons',
  maxSize: 500,
  paceMs: 15,
  maxWaitMs: WITHIN_MS,
  // First come, first served. The queue stays short: most are refused before they are in it.
  whenLate: 'oldest',
  metrics,
  run: createRequestIssue({ transactor: database, requests: sqlRequestStore, outbox, now }),
});
const reads = createCouponReads(prisma, database);
const { owned, lists } = createBatchedReads({ database, reads, metrics });
for (const batcher of [issues, requests, owned, lists]) shutdown.onStop('batches', () => batcher.stop());

const policies = createPolicies((couponPolicyId) => findPolicy(database, couponPolicyId));
const { ask, askBeforeLog } = createAskForCoupon({
  policies,
  door,
  loader: createDoorLoader({ door, findHolders: holdersOf }),
  issues,
  owned,
  maxWithoutDoor: config.MAX_WAITING_WITHOUT_DOOR,
  logger,
});
const shownPolicies = createShownPolicies(reads.listPolicies, metrics);
shutdown.onStop('reads', () => shownPolicies.stop());
const addPolicy = createAddPolicy({
  ...{ transactor: database, policies: sqlPolicyStore, outbox, now },
  changed: (tx) => tx.onCommit(shownPolicies.changed),
});
const callers = createCallerVerifier(config.INTERNAL_KEYS);
await runtime.listen(
  createApp({
    logger,
    metrics,
    health,
    callers,
    reads,
    lists,
    policies: shownPolicies,
    ask,
    askBeforeLog,
    requests,
    count,
    now,
    addPolicy,
    reconcile,
  }),
);
