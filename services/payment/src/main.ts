import {
  createBatcher,
  createCallerVerifier,
  createRuntime,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
  succeeded,
} from '@shop/chassis';
import { createMessaging, recoverWhenAsked } from '@shop/events';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import * as accounts from './db/account-store.ts';
import { sqlFactStore } from './db/fact-store.ts';
import { sqlPaymentStore } from './db/payment-store.ts';
import { createPointReads, readBalances } from './db/point-reads.ts';
import { createPrisma } from './db/prisma.ts';
import { paymentFacts, paymentSubscription } from './messaging/subscriptions.ts';
import { createChargePoints } from './usecases/charge-points.ts';

const HOUR_MS = 3_600_000;
/** Longest wait of a charge for its transaction, ms. */
const CHARGE_WITHIN_MS = 400;

const runtime = createRuntime('payment', loadConfig(configSchema), { recovers: true });
const { logger, metrics, health, shutdown } = runtime;
const now = () => new Date();

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime);
const prisma = createPrisma(database);
shutdown.onStop('prisma', () => prisma.close());

// With RECOVERY=on nothing below starts, and nobody is served, before the restored schema has caught up.
await recoverWhenAsked({
  ...runtime,
  database,
  own: paymentFacts(sqlFactStore),
  subscriptions: (deps) => [paymentSubscription({ ...deps, store: sqlPaymentStore })],
});

const messaging = createMessaging({ ...runtime, database });
const { outbox } = messaging;
messaging.subscribe(paymentSubscription({ store: sqlPaymentStore, outbox, now }));

runtime.repeat({
  name: 'purge-idempotency-keys',
  everyMs: HOUR_MS,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const charges = createBatcher({
  name: 'charge-points',
  paceMs: 15,
  maxWaitMs: CHARGE_WITHIN_MS,
  metrics,
  run: createChargePoints({ transactor: database, accounts, outbox, now }),
});
const balances = createBatcher({
  name: 'read-balances',
  maxSize: 500,
  concurrency: 2,
  paceMs: 5,
  metrics,
  run: async (userIds: readonly number[]) => (await readBalances(database, userIds)).map(succeeded),
});
for (const batcher of [charges, balances]) shutdown.onStop('batches', () => batcher.stop());

const callers = createCallerVerifier(runtime.config.INTERNAL_KEYS);
const reads = createPointReads(prisma);
await runtime.listen(createApp({ logger, metrics, health, callers, reads, balances, charges }));
