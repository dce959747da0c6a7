import { setTimeout as sleep } from 'node:timers/promises';
import { createMessaging } from '@shop/events';
import {
  claimIdempotencyKeys,
  createBatcher,
  createCallerVerifier,
  createRuntime,
  findIdempotencyKey,
  openDatabase,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  succeeded,
} from '@shop/service';
import { v7 as uuidv7 } from 'uuid';
import { createApp } from './app.ts';
import { loadOrderConfig } from './config.ts';
import { createListOrders } from './db/list-orders.ts';
import { readOldestPending, readOrders } from './db/order-reader.ts';
import { orderStore } from './db/order-store.ts';
import { createPrisma } from './db/prisma.ts';
import { createDelivery } from './delivery/delivery.ts';
import { onEnded } from './messaging/ended.ts';
import { dataPlatformSubscription, orderSubscription } from './messaging/subscription.ts';
import { createAdmission } from './usecases/admission.ts';
import { cancelOrder } from './usecases/cancel-order.ts';
import { expireOrders } from './usecases/expire-orders.ts';
import { handleSagaEvents } from './usecases/handle-saga-events.ts';
import { createOrderWaits } from './usecases/order-waits.ts';
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

const waits = createOrderWaits({ waiters: messaging.waiters(['order-events']), read: readOrder });
const keys = { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys };
const ended = onEnded({ waits, metrics });
const deps = { transactor: database, store: orderStore, outbox: messaging.outbox, keys, clock, ended };

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
async function measure(): Promise<void> {
  const { oldest, afterStragglers } = await readOldestPending(database, STRAGGLERS);
  admission.measured(afterStragglers);
  oldestSeconds.set(oldest ? Math.max(0, Date.now() - oldest.getTime()) / 1000 : 0);
  waitingRequests.set(waits.waiting);
}

runtime.repeat({ name: 'measure-oldest-order', everyMs: 500, run: measure });
runtime.repeat({
  name: 'expire-orders',
  everyMs: 1_000,
  run: expireOrders({ ...deps, deadlineMs: config.ORDER_DEADLINE_MS }),
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
  maxWaiting: config.MAX_WAITING,
  admission,
  newId: uuidv7,
});
// Where there are several instances, one that refuses every order must not be offered any: it listens once it can take
// them, or after a while, to say why not.
await Promise.race([messaging.ready().catch(() => undefined), sleep(LISTEN_AFTER_MS, undefined, { ref: false })]);
await runtime.listen(app);
// Before the server closes: who waits for an order is answered with what is known of it now.
shutdown.onStop('waits', () => waits.close());
