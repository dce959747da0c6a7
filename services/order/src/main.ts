import {
  claimIdempotencyKeys,
  createCallerVerifier,
  createEventStreams,
  createHttpApp,
  createRuntime,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  restoreIdempotencyKeys,
} from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { createMessaging, createNewId, recoverWhenAsked } from '@shop/events';
import { configSchema } from './config.ts';
import { createReadBacklog } from './db/backlog-reads.ts';
import { createBatchedReads } from './db/batched-reads.ts';
import { sqlNewOrders } from './db/new-orders.ts';
import { createListOrders, readVersions } from './db/order-reads.ts';
import { sqlOrderStore } from './db/order-store.ts';
import { startDelivery } from './delivery/delivery.ts';
import { LATE_TARGETS } from './domain/backlog.ts';
import { createMeasures } from './http/measures.ts';
import { orderRoutes } from './http/routes.ts';
import { createReadiness } from './messaging/readiness.ts';
import { orderFacts, orderSubscription, recoveringOrders, replayedDelivery } from './messaging/subscriptions.ts';
import { PROBLEMS } from './problems.ts';
import { createAdvanceOrders } from './usecases/advance-orders.ts';
import { createApplyFacts } from './usecases/apply-facts.ts';
import { createBatchedWrites } from './usecases/batched-writes.ts';
import { createCancelOrder } from './usecases/cancel-order.ts';
import { createExpireOrders, createExpireOverdue } from './usecases/expire-orders.ts';
import { createOrderWaits } from './usecases/order-waits.ts';
import { createLogUnread, createOrderWatches } from './usecases/order-watches.ts';
import { createFindPlaced, createPlaceOrders } from './usecases/place-order.ts';
import { createTakeOrders } from './usecases/take-orders.ts';
import { createTellChanges } from './usecases/tell-changes.ts';

/** Longest wait for broker and schema registry before the service listens without them, ms. */
const LISTEN_AFTER_MS = 10_000;

const runtime = createRuntime('order', loadConfig(configSchema), { recovers: true });
const { config, logger, metrics, health, shutdown, repeat } = runtime;
const { ORDER_DEADLINE_MS: deadlineMs, MAX_STREAMS: maxStreams } = config;

// The first registered is stopped last: the database outlives all its users.
const database = openDatabase(runtime);
const now = () => database.clock.date();
const prisma = lazyPrisma(database, () => import('./db/generated/client.ts'));
shutdown.onStop('prisma', () => prisma.close());
const batchedReads = createBatchedReads({ database, metrics, maxStreams });
shutdown.onStop('reads', () => batchedReads.stop());
const { readOrder, readProgress, findKey } = batchedReads;

// With RECOVERY=on nothing below starts, and no request is served, until the restored schema has caught up.
await recoverWhenAsked({
  ...runtime,
  database,
  own: orderFacts(
    createApplyFacts({
      ...{ newOrders: sqlNewOrders, store: sqlOrderStore },
      restoreKeys: restoreIdempotencyKeys,
      logger,
    }),
  ),
  subscriptions: (deps) => [
    recoveringOrders({
      ...{ ...deps, store: sqlOrderStore, acceptGaps: config.RECOVERY_ACCEPT_GAPS },
      leftOut: (events) => logger.warn({ events: events.length }, 'recovery: events of unknown orders are left out'),
    }),
  ],
  replayed: replayedDelivery(config.DATA_PLATFORM_URL),
});

const messaging = createMessaging({ ...runtime, database });
const waiters = messaging.waiters(['order-events']);
const missed = metrics.counter('order_missed_wakeups_total', 'Ends of orders found by a look, not by a wake-up');
const waits = createOrderWaits({ waiters, read: readOrder, missed: () => missed.inc() });
const watches = createOrderWatches({
  ...{ waiters, read: readProgress, readVersions: (orderIds) => readVersions(database, orderIds) },
  failed: createLogUnread(logger),
});
const deps = {
  transactor: database,
  newOrders: sqlNewOrders,
  store: sqlOrderStore,
  outbox: messaging.outbox,
  now,
  keys: { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys },
  ...createTellChanges({ waits, watches, metrics }),
};
messaging.subscribe(orderSubscription(createAdvanceOrders(deps)));
startDelivery({ ...runtime, messaging });
const readiness = createReadiness(messaging);

const streams = createEventStreams({ maxStreams });
const { measureWaiting, told } = createMeasures({ metrics, nowMs: database.clock.now, waits, streams, watches });
const writes = createBatchedWrites({
  placeOrders: createPlaceOrders(deps),
  placeWithinMs: config.PLACE_WITHIN_MS,
  metrics,
});
shutdown.onStop('writes', () => writes.stop());
const { placements } = writes;
const { admission, placeOrder, oldestMs } = createTakeOrders({
  config,
  placements,
  isReady: readiness.isReady,
  repeat,
  measureWaiting,
  nowMs: database.clock.now,
  monotonicMs: () => performance.now(),
  metrics,
  readBacklog: createReadBacklog(database, {
    deadlineMs,
    lateMs: LATE_TARGETS * config.ORDER_BACKLOG_TARGET_MS,
    // The first reading comes at once, before the clocks are compared.
    now: () => database.clock.compared().then(now),
  }),
});
repeat({
  name: 'expire-orders',
  everyMs: 1_000,
  run: createExpireOverdue({ expireOrders: createExpireOrders({ ...deps, deadlineMs }), oldestMs, deadlineMs }),
});
repeat({
  name: 'purge-idempotency-keys',
  everyMs: 600_000,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const app = createHttpApp({
  logger,
  metrics,
  health,
  callers: createCallerVerifier(config.INTERNAL_KEYS, database.clock.now),
  problems: PROBLEMS,
  routes: orderRoutes({
    admission,
    placeOrder,
    readOrder,
    waits,
    streams,
    watches,
    told,
    maxWaiting: config.MAX_WAITING,
    findPlaced: createFindPlaced(findKey),
    cancelOrder: createCancelOrder(deps),
    listOrders: createListOrders(prisma),
    newId: createNewId(() => database.clock.date().getTime()),
  }),
});
// With several instances, an instance that refuses every order must not be offered any. It listens once it can accept
// orders, or after a while, to say why not.
await readiness.within(LISTEN_AFTER_MS);
await runtime.listen(app);
// Both are stopped before the server. Clients that follow an order reconnect to another instance.
shutdown.onStop('streams', () => {
  watches.close();
  streams.close();
});
// Clients that wait for an order are answered with its present state.
shutdown.onStop('waits', () => waits.close());
