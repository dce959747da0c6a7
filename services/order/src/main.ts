import { setTimeout as sleep } from 'node:timers/promises';
import {
  claimIdempotencyKeys,
  createBatcher,
  createCallerVerifier,
  createEventStreams,
  createRuntime,
  DomainError,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  type Transaction,
} from '@shop/chassis';
import { createMessaging } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import { createReadBacklog } from './db/backlog-reads.ts';
import { createBatchedReads } from './db/batched-reads.ts';
import { createListOrders, readVersions } from './db/order-reads.ts';
import { orderStore } from './db/order-store.ts';
import { createPrisma } from './db/prisma.ts';
import { createDelivery } from './delivery/delivery.ts';
import { createBacklog } from './domain/backlog.ts';
import type { Order } from './domain/order.ts';
import { createWaitingMeasures } from './http/measures.ts';
import { dataPlatformSubscription, orderSubscription } from './messaging/subscriptions.ts';
import { countBegun, createAdmission } from './usecases/admission.ts';
import { createAdvanceOrders } from './usecases/advance-orders.ts';
import { createBacklogWatch } from './usecases/backlog-watch.ts';
import { createCancelOrder } from './usecases/cancel-order.ts';
import { createExpireOrders } from './usecases/expire-orders.ts';
import { createOrderWaits } from './usecases/order-waits.ts';
import { createOrderWatches } from './usecases/order-watches.ts';
import { createFindPlaced, createPlaceOrders } from './usecases/place-order.ts';
import { createTellEnded } from './usecases/tell-ended.ts';

/** Between two readings of the backlog, ms. */
const MEASURE_MS = 400;
/** Longest wait for broker and schema registry before it listens without them. */
const LISTEN_AFTER_MS = 10_000;

const config = loadConfig(configSchema);
const runtime = createRuntime('order', config);
const { logger, metrics, health, shutdown } = runtime;

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime, { poolSize: config.DATABASE_POOL });
const messaging = createMessaging({ ...runtime, database });
const now = () => new Date();

const reads = createBatchedReads({ database, metrics, maxStreams: config.MAX_STREAMS });
const waiters = messaging.waiters(['order-events']);
const waits = createOrderWaits({ waiters, read: (orderId) => reads.ownOrders.submit(orderId) });
const streams = createEventStreams({ maxStreams: config.MAX_STREAMS });
const watches = createOrderWatches({
  waiters,
  read: (orderId) => reads.progress.submit(orderId),
  readVersions: (orderIds) => readVersions(database, orderIds),
  failed(error) {
    // A refusal under load is counted by the batcher.
    if (error instanceof DomainError) return;
    logger.warn({ err: error }, 'those who follow orders are told later: they cannot be read');
  },
});
const keys = { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys };
const ended = createTellEnded({ waits, metrics });
const changed = (tx: Transaction, orders: readonly Order[]) =>
  tx.onCommit(() => watches.wake(orders.map(({ orderId }) => orderId)));
const deps = { transactor: database, store: orderStore, outbox: messaging.outbox, keys, now, changed, ended };

const backlog = createBacklog({ targetMs: config.ORDER_BACKLOG_TARGET_MS, floor: config.ORDER_BACKLOG_FLOOR });
const placements = createBatcher({
  name: 'place-order',
  maxSize: 250,
  concurrency: 2,
  paceMs: 15,
  maxQueue: 2_000,
  maxWaitMs: config.PLACE_WITHIN_MS,
  metrics,
  run: createPlaceOrders(deps),
});
let ready = false;
const refusals = metrics.counter('order_admission_refused_total', 'Orders that were not taken, by reason', ['reason']);
const admission = createAdmission({
  ready: () => ready,
  deadlineMs: config.ORDER_DEADLINE_MS,
  share: config.ADMISSION_SHARE,
  now,
  backlog,
  refused: (reason) => refusals.inc({ reason }),
});

messaging.subscribe(orderSubscription(createAdvanceOrders(deps)));
if (config.DATA_PLATFORM_URL) {
  const { DATA_PLATFORM_URL: url, DATA_PLATFORM_TIMEOUT_MS: timeoutMs } = config;
  const delivery = createDelivery({ url, timeoutMs, metrics });
  messaging.subscribe(dataPlatformSubscription(delivery.handle));
  // Before the consumers stop: they wait for the call that is out.
  shutdown.onStop('data platform', async () => delivery.close());
}
messaging.ready().then(
  () => {
    ready = true;
  },
  () => undefined, // Messaging has ended the process.
);

const watch = createBacklogWatch({
  admission,
  backlog,
  read: createReadBacklog(database, { deadlineMs: config.ORDER_DEADLINE_MS, now }),
  everyMs: MEASURE_MS,
  metrics,
});
const measureWaiting = createWaitingMeasures({ metrics, waits, streams, watches });
const toldSeconds = metrics.histogram('order_stream_told_seconds', 'From a step to its being sent to one who follows');
const expire = createExpireOrders({ ...deps, deadlineMs: config.ORDER_DEADLINE_MS });

// The first order after a rest has it measured at once. The rest is a share of any deadline: an order that another
// instance left PENDING is known so soon.
const measuring = runtime.repeat({
  name: 'measure-backlog',
  everyMs: MEASURE_MS,
  restMs: 2_000,
  run() {
    measureWaiting();
    return watch.look();
  },
});
runtime.repeat({
  name: 'expire-orders',
  everyMs: 1_000,
  run: async () => void (watch.oldestMs() >= config.ORDER_DEADLINE_MS && (await expire())),
});
runtime.repeat({
  name: 'purge-idempotency-keys',
  everyMs: 600_000,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const app = createApp({
  logger,
  metrics,
  health,
  callers: createCallerVerifier(config.INTERNAL_KEYS),
  placeOrder: (request, client) => {
    if (watch.isResting()) measuring.trigger();
    return countBegun(admission, placements.submit(request, client));
  },
  findPlaced: createFindPlaced((key) => reads.keys.submit(key)),
  cancelOrder: createCancelOrder(deps),
  readOrder: (orderId, client) => (client ? reads.orders.submit(orderId, client) : reads.ownOrders.submit(orderId)),
  listOrders: createListOrders(createPrisma(database)),
  waits,
  streams,
  watches,
  told: (ms) => toldSeconds.observe(ms / 1000),
  maxWaiting: config.MAX_WAITING,
  admission,
  newId: uuidv7,
});
// Where there are several instances, one that refuses every order must not be offered any: it listens once it can take
// them, or after a while, to say why not.
await Promise.race([messaging.ready().catch(() => undefined), sleep(LISTEN_AFTER_MS, undefined, { ref: false })]);
await runtime.listen(app);
// Before the server closes: who follows an order comes back to another instance,
shutdown.onStop('streams', () => {
  watches.close();
  streams.close();
});
// and who waits for an order is answered with what is known of it now.
shutdown.onStop('waits', () => waits.close());
