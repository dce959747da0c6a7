import { setTimeout as sleep } from 'node:timers/promises';
import { createMessaging } from '@shop/events';
import {
  claimIdempotencyKeys,
  createBatcher,
  createCallerVerifier,
  createEventStreams,
  createRuntime,
  DomainError,
  findIdempotencyKeys,
  openDatabase,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  succeeded,
  type Transaction,
} from '@shop/service';
import { v7 as uuidv7 } from 'uuid';
import { createApp } from './app.ts';
import { loadOrderConfig } from './config.ts';
import { createBacklogReader } from './db/backlog-reader.ts';
import { createListOrders } from './db/list-orders.ts';
import { readOrders, readProgress, readVersions } from './db/order-reader.ts';
import { orderStore } from './db/order-store.ts';
import { createPrisma } from './db/prisma.ts';
import { createDelivery } from './delivery/delivery.ts';
import { createBacklog } from './domain/backlog.ts';
import type { Order } from './domain/order.ts';
import { onEnded } from './messaging/ended.ts';
import { dataPlatformSubscription, orderSubscription } from './messaging/subscription.ts';
import { countBegun, createAdmission } from './usecases/admission.ts';
import { cancelOrder } from './usecases/cancel-order.ts';
import { expireOrders } from './usecases/expire-orders.ts';
import { handleSagaEvents } from './usecases/handle-saga-events.ts';
import { createOrderWaits } from './usecases/order-waits.ts';
import { createOrderWatches } from './usecases/order-watches.ts';
import { findPlaced, placeOrders } from './usecases/place-order.ts';
import type { FindKey } from './usecases/ports.ts';

/** Longest wait for its query of one who reads an order, ms. */
const READ_WITHIN_MS = 500;
/** A refused look only delays the news of those who follow an order. */
const PROGRESS_WITHIN_MS = 1_000;
/** A key is looked up for one who is refused anyway: quickly or not at all. */
const FIND_KEY_WITHIN_MS = 100;
/** Between two readings of the backlog, ms. */
const MEASURE_MS = 400;
/** Longest wait for broker and schema registry before it listens without them. */
const LISTEN_AFTER_MS = 10_000;

const config = loadOrderConfig();
const runtime = createRuntime('order', config);
const { logger, metrics, health, shutdown } = runtime;

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime, { poolSize: config.DATABASE_POOL });
const messaging = createMessaging({ ...runtime, database });
const clock = () => new Date();

// Reads of one moment are one query, placements of one moment one transaction.
const readBatches = (name: string, options: { readonly maxWaitMs?: number } = {}) =>
  createBatcher({
    ...options,
    name,
    maxSize: 500,
    concurrency: 2,
    metrics,
    run: async (orderIds: readonly string[]) => {
      const orders = await readOrders(database, orderIds);
      return orderIds.map((orderId) => succeeded(orders.get(orderId)));
    },
  });
/** Of those who come to look, and of those whose order is placed or cancelled already: they get to know. */
const reads = readBatches('read-orders', { maxWaitMs: READ_WITHIN_MS });
const owedReads = readBatches('read-own-orders');

const progressReads = createBatcher({
  name: 'read-progress',
  maxSize: 500,
  concurrency: 2,
  maxQueue: 2 * config.MAX_STREAMS,
  maxWaitMs: PROGRESS_WITHIN_MS,
  metrics,
  run: async (orderIds: readonly string[]) => {
    const progress = await readProgress(database, orderIds);
    return orderIds.map((orderId) => succeeded(progress.get(orderId)));
  },
});

const waiters = messaging.waiters(['order-events']);
const waits = createOrderWaits({ waiters, read: (orderId) => owedReads.submit(orderId) });
const streams = createEventStreams({ maxStreams: config.MAX_STREAMS });
const watches = createOrderWatches({
  waiters,
  read: (orderId) => progressReads.submit(orderId),
  readVersions: (orderIds) => readVersions(database, orderIds),
  failed(error) {
    // A refusal under load is counted by the batcher.
    if (error instanceof DomainError) return;
    logger.warn({ err: error }, 'those who follow orders are told later: they cannot be read');
  },
});
const keys = { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys };
const ended = onEnded({ waits, metrics });
const changed = (tx: Transaction, orders: readonly Order[]) =>
  tx.onCommit(() => watches.wake(orders.map(({ orderId }) => orderId)));
const deps = { transactor: database, store: orderStore, outbox: messaging.outbox, keys, clock, changed, ended };

const backlog = createBacklog({ targetMs: config.ORDER_BACKLOG_TARGET_MS, floor: config.ORDER_BACKLOG_FLOOR });
const placements = createBatcher({
  name: 'place-order',
  maxSize: 250,
  concurrency: 2,
  paceMs: 15,
  maxQueue: 2_000,
  maxWaitMs: config.PLACE_WITHIN_MS,
  metrics,
  run: placeOrders(deps),
});
const keyReads = createBatcher({
  name: 'find-keys',
  maxSize: 500,
  maxWaitMs: FIND_KEY_WITHIN_MS,
  metrics,
  run: async (wanted: readonly Parameters<FindKey>[0][]) =>
    (await findIdempotencyKeys(database, wanted)).map((outcome) => succeeded(outcome)),
});
let ready = false;
const refusals = metrics.counter('order_admission_refused_total', 'Orders that were not taken, by reason', ['reason']);
const admission = createAdmission({
  ready: () => ready,
  deadlineMs: config.ORDER_DEADLINE_MS,
  share: config.ADMISSION_SHARE,
  clock,
  backlog,
  refused: (reason) => refusals.inc({ reason }),
});

messaging.subscribe(orderSubscription(handleSagaEvents(deps)));
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

const oldestSeconds = metrics.gauge('order_oldest_pending_seconds', 'Age of the oldest PENDING order');
const backlogSeconds = metrics.gauge('order_backlog_seconds', 'How long a new order has to wait for those before it');
const waitingRequests = metrics.gauge('order_waiting_requests', 'Requests that wait for their order');
const openStreams = metrics.gauge('order_open_streams', 'Streams of events that are open');
const watchedOrders = metrics.gauge('order_watched_orders', 'Orders whose steps somebody follows');
const toldSeconds = metrics.histogram('order_stream_told_seconds', 'From a step to its being sent to one who follows');
const readBacklog = createBacklogReader(database, { deadlineMs: config.ORDER_DEADLINE_MS, clock });
let oldestAt: Date | null = null;
let measuredAt = 0;
const oldestMs = () => (oldestAt ? Math.max(0, Date.now() - oldestAt.getTime()) : 0);
async function measure(): Promise<boolean> {
  measuredAt = Date.now();
  await admission.measure(async () => {
    const found = await readBacklog();
    oldestAt = found.first;
    return found;
  });
  oldestSeconds.set(oldestMs() / 1000);
  backlogSeconds.set(backlog.waitMs / 1000);
  waitingRequests.set(waits.waiting);
  openStreams.set(streams.open);
  watchedOrders.set(watches.orders);
  return oldestAt !== null;
}
const expire = expireOrders({ ...deps, deadlineMs: config.ORDER_DEADLINE_MS });

// The first order after a rest has it measured at once. The rest is a share of any deadline: an order that another
// instance left PENDING is known so soon.
const measuring = runtime.repeat({ name: 'measure-backlog', everyMs: MEASURE_MS, restMs: 2_000, run: measure });
runtime.repeat({
  name: 'expire-orders',
  everyMs: 1_000,
  run: async () => void (oldestMs() >= config.ORDER_DEADLINE_MS && (await expire())),
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
    if (oldestAt === null && Date.now() - measuredAt > MEASURE_MS) measuring.trigger();
    return countBegun(admission, placements.submit(request, client));
  },
  findPlaced: findPlaced((key) => keyReads.submit(key)),
  cancelOrder: cancelOrder(deps),
  readOrder: (orderId, client) => (client ? reads.submit(orderId, client) : owedReads.submit(orderId)),
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
