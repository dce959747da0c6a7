import { setTimeout as sleep } from 'node:timers/promises';
import { createMessaging } from '@shop/events';
import {
  claimIdempotencyKeys,
  createBatcher,
  createCallerVerifier,
  createEventStreams,
  createRuntime,
  findIdempotencyKey,
  openDatabase,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  succeeded,
  type Transaction,
} from '@shop/service';
import { v7 as uuidv7 } from 'uuid';
import { createApp } from './app.ts';
import { loadOrderConfig } from './config.ts';
import { createListOrders } from './db/list-orders.ts';
import { readOldestPending, readOrders, readProgress, readVersions } from './db/order-reader.ts';
import { orderStore } from './db/order-store.ts';
import { createPrisma } from './db/prisma.ts';
import { createDelivery } from './delivery/delivery.ts';
import type { Order } from './domain/order.ts';
import { onEnded } from './messaging/ended.ts';
import { dataPlatformSubscription, orderSubscription } from './messaging/subscription.ts';
import { createAdmission } from './usecases/admission.ts';
import { cancelOrder } from './usecases/cancel-order.ts';
import { expireOrders } from './usecases/expire-orders.ts';
import { handleSagaEvents } from './usecases/handle-saga-events.ts';
import { createOrderWaits } from './usecases/order-waits.ts';
import { createOrderWatches } from './usecases/order-watches.ts';
import { findPlaced, placeOrders } from './usecases/place-order.ts';

/** So many orders may be stuck for reasons of their own, such as a dead letter, without the saga being late. */
const STRAGGLERS = 20;
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
const reads = createBatcher({
  name: 'read-orders',
  maxSize: 500,
  concurrency: 2,
  metrics,
  run: async (orderIds: readonly string[]) => {
    const orders = await readOrders(database, orderIds);
    return orderIds.map((orderId) => succeeded(orders.get(orderId)));
  },
});
const readOrder = (orderId: string) => reads.submit(orderId);

const progressReads = createBatcher({
  name: 'read-progress',
  maxSize: 500,
  concurrency: 2,
  maxQueue: 2 * config.MAX_STREAMS,
  metrics,
  run: async (orderIds: readonly string[]) => {
    const progress = await readProgress(database, orderIds);
    return orderIds.map((orderId) => succeeded(progress.get(orderId)));
  },
});

const waiters = messaging.waiters(['order-events']);
const waits = createOrderWaits({ waiters, read: readOrder });
const streams = createEventStreams({ maxStreams: config.MAX_STREAMS });
const watches = createOrderWatches({
  waiters,
  read: (orderId) => progressReads.submit(orderId),
  readVersions: (orderIds) => readVersions(database, orderIds),
  failed: (error) => logger.warn({ err: error }, 'those who follow orders are told later: they cannot be read'),
});
const keys = { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys };
const ended = onEnded({ waits, metrics });
const changed = (tx: Transaction, orders: readonly Order[]) =>
  tx.onCommit(() => watches.wake(orders.map(({ orderId }) => orderId)));
const deps = { transactor: database, store: orderStore, outbox: messaging.outbox, keys, clock, changed, ended };

const placements = createBatcher({
  name: 'place-order',
  maxSize: 250,
  concurrency: 2,
  paceMs: 15,
  maxQueue: 2_000,
  metrics,
  run: placeOrders(deps),
});
let ready = false;
const admission = createAdmission({
  ready: () => ready,
  deadlineMs: config.ORDER_DEADLINE_MS,
  share: config.ADMISSION_SHARE,
  clock,
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
const waitingRequests = metrics.gauge('order_waiting_requests', 'Requests that wait for their order');
const openStreams = metrics.gauge('order_open_streams', 'Streams of events that are open');
const watchedOrders = metrics.gauge('order_watched_orders', 'Orders whose steps somebody follows');
const toldSeconds = metrics.histogram('order_stream_told_seconds', 'From a step to its being sent to one who follows');
let oldestAt: Date | null = null;
const oldestMs = () => (oldestAt ? Math.max(0, Date.now() - oldestAt.getTime()) : 0);
async function measure(): Promise<boolean> {
  const { oldest, afterStragglers } = await readOldestPending(database, STRAGGLERS);
  oldestAt = oldest;
  admission.measured(afterStragglers);
  oldestSeconds.set(oldestMs() / 1000);
  waitingRequests.set(waits.waiting);
  openStreams.set(streams.open);
  watchedOrders.set(watches.orders);
  return oldest !== null;
}
const expire = expireOrders({ ...deps, deadlineMs: config.ORDER_DEADLINE_MS });

// A share of any deadline: an order that another instance left PENDING is known so soon.
runtime.repeat({ name: 'measure-oldest-order', everyMs: 500, restMs: 2_000, run: measure });
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
  placeOrder: (request) => placements.submit(request),
  findPlaced: findPlaced((key) => findIdempotencyKey(database, key)),
  cancelOrder: cancelOrder(deps),
  readOrder,
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
