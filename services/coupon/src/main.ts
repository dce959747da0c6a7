import {
  createCallerVerifier,
  createHttpApp,
  createRedis,
  createRuntime,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
  redisServer,
} from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { createMessaging, createNewId, recoverWhenAsked } from '@shop/events';
import { configSchema } from './config.ts';
import { createBatchedReads } from './db/batched-reads.ts';
import { createCouponReads } from './db/coupon-reads.ts';
import { sqlCouponStore } from './db/coupon-store.ts';
import { createRedisDoor } from './db/door.ts';
import { sqlFactStore } from './db/fact-store.ts';
import { expireCoupons, purgeRequests, requestsKeptSince } from './db/housekeeping.ts';
import { findHolders, findPolicy, listPolicies } from './db/issue-reads.ts';
import { createRevocationStore, recountRevoked, sqlPolicyEndStore } from './db/policy-end-store.ts';
import { sqlPolicyStore } from './db/policy-store.ts';
import { sqlRedemptionStore } from './db/redemption-store.ts';
import { sqlRequestStore } from './db/request-store.ts';
import { createCountAnswer } from './http/measures.ts';
import { couponRoutes } from './http/routes.ts';
import { createShownPolicies } from './http/shown-policies.ts';
import { couponFacts, couponSubscription, issueSubscription } from './messaging/subscriptions.ts';
import { PROBLEMS } from './problems.ts';
import { createAddPolicy } from './usecases/add-policy.ts';
import { createApplyFacts } from './usecases/apply-facts.ts';
import { createAskForCoupon } from './usecases/ask-for-coupon.ts';
import { createBatchedWrites } from './usecases/batched-writes.ts';
import { createEndPolicy } from './usecases/end-policy.ts';
import { createIssueCoupons } from './usecases/issue-coupons.ts';
import { createDoorLoader } from './usecases/load-door.ts';
import { createPolicies } from './usecases/policies.ts';
import { createReconcileDoor } from './usecases/reconcile-door.ts';
import { createRepairDoor } from './usecases/repair-door.ts';
import { createRepeatRevocations } from './usecases/repeat-revocations.ts';
import { createIssueFromLog, createRequestIssue } from './usecases/request-issue.ts';
import { createRevokeCoupons } from './usecases/revoke-coupons.ts';
import { createTellDecided, createTellDoor } from './usecases/tell-door.ts';

const HOUR_MS = 3_600_000;

const runtime = createRuntime('coupon', loadConfig(configSchema), { recovers: true });
const { config, logger, metrics, health, shutdown, repeat } = runtime;

// The first registered is stopped last: the database outlives all its users.
const database = openDatabase(runtime);
const now = () => database.clock.date();
const prisma = lazyPrisma(database, () => import('./db/generated/client.ts'));
shutdown.onStop('prisma', () => prisma.close());
const revocations = createRevocationStore(database);

// With RECOVERY=on nothing below starts until the restored schema has caught up: the door knows newer holders than it.
await recoverWhenAsked({
  ...runtime,
  database,
  own: couponFacts({
    apply: createApplyFacts({ store: sqlFactStore, keepsRequestsSince: () => requestsKeptSince(now()), logger }),
    revocations: createRepeatRevocations({ transactor: database, revocations, recount: recountRevoked, now }),
  }),
  subscriptions: (deps) => [
    couponSubscription({ ...deps, store: sqlRedemptionStore }),
    issueSubscription(
      createIssueFromLog({ ...deps, coupons: sqlCouponStore, requests: sqlRequestStore, onDecided: () => {} }),
    ),
  ],
});

const door = createRedisDoor({
  redis: createRedis(redisServer(config), logger, { commandTimeoutMs: config.DOOR_TIMEOUT_MS }),
  metrics,
  now: database.clock.now,
});
shutdown.onStop('door', () => door.stop());
const tellDoor = createTellDoor({ door, logger });
const count = createCountAnswer(metrics);

const messaging = createMessaging({ ...runtime, database });
const { outbox } = messaging;
const written = { transactor: database, outbox, now };
messaging.subscribe(couponSubscription({ store: sqlRedemptionStore, outbox, now }));
const issueFromLog = createIssueFromLog({
  ...{ coupons: sqlCouponStore, requests: sqlRequestStore, outbox, now },
  onDecided: createTellDecided({ tellDoor, count }),
});
messaging.subscribe(issueSubscription(issueFromLog));

const reconcile = createReconcileDoor({
  door,
  listPolicies: (after, take) => listPolicies(database, after, take),
  findHolders: (couponPolicyId) => findHolders(database, couponPolicyId),
  placeStaleMs: config.DOOR_PLACE_STALE_MS,
  now: database.clock.now,
});
repeat({
  name: 'reconcile-door',
  everyMs: config.RECONCILE_EVERY_MS,
  run: createRepairDoor({ reconcile, metrics, logger }),
});
repeat({
  name: 'expire-coupons',
  everyMs: config.EXPIRE_EVERY_MS,
  run: (signal) => expireCoupons(database, now(), signal),
});
const revokeCoupons = createRevokeCoupons({ transactor: database, revocations, now });
const revoking = repeat({
  name: 'revoke-coupons',
  everyMs: config.REVOKE_EVERY_MS,
  run: async (signal) => void (await revokeCoupons(signal)),
});
repeat({
  name: 'purge-coupon-requests',
  everyMs: HOUR_MS,
  run: (signal) => purgeRequests(database, now(), signal),
});
repeat({
  name: 'purge-idempotency-keys',
  everyMs: HOUR_MS,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const writes = createBatchedWrites({
  issueCoupons: createIssueCoupons({ transactor: database, store: sqlCouponStore, outbox, onIssued: tellDoor }),
  requestIssue: createRequestIssue({ ...written, requests: sqlRequestStore }),
  metrics,
});
shutdown.onStop('writes', () => writes.stop());
const reads = createCouponReads(prisma, database);
const batchedReads = createBatchedReads({ database, reads, metrics });
const { owned, lists } = batchedReads;
shutdown.onStop('reads', () => batchedReads.stop());

const { ask, askBeforeLog } = createAskForCoupon({
  policies: createPolicies((couponPolicyId) => findPolicy(database, couponPolicyId)),
  door,
  loader: createDoorLoader({
    door,
    findHolders: (couponPolicyId) => findHolders(database, couponPolicyId),
    believes: !config.RECOVERY,
  }),
  issues: writes.issues,
  owned,
  maxWithoutDoor: config.MAX_WAITING_WITHOUT_DOOR,
  logger,
});
const policies = createShownPolicies(reads.listPolicies, metrics);
shutdown.onStop('policies', () => policies.stop());
const addPolicy = createAddPolicy({
  ...written,
  policies: sqlPolicyStore,
  changed: (tx) => tx.onCommit(policies.changed),
});
const endPolicy = createEndPolicy({
  ...written,
  ends: sqlPolicyEndStore,
  changed: (tx) =>
    tx.onCommit(() => {
      policies.changed();
      void revoking.trigger();
    }),
});
const callers = createCallerVerifier(config.INTERNAL_KEYS, database.clock.now);
await runtime.listen(
  createHttpApp({
    logger,
    metrics,
    health,
    callers,
    problems: PROBLEMS,
    routes: couponRoutes({
      now,
      newId: createNewId(() => database.clock.date().getTime()),
      count,
      reads,
      lists,
      ask,
      askBeforeLog,
      requests: writes.requests,
      policies,
      addPolicy,
      endPolicy,
      reconcile,
    }),
  }),
);
