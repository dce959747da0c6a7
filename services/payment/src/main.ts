import {
  createCallerVerifier,
  createHttpApp,
  createRuntime,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
} from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { createMessaging, recoverWhenAsked } from '@shop/events';
import { configSchema } from './config.ts';
import * as accounts from './db/account-store.ts';
import { createBatchedReads } from './db/batched-reads.ts';
import { sqlFactStore } from './db/fact-store.ts';
import { sqlPaymentStore } from './db/payment-store.ts';
import { createPointReads } from './db/point-reads.ts';
import { pointRoutes } from './http/routes.ts';
import { paymentFacts, paymentSubscription } from './messaging/subscriptions.ts';
import { PROBLEMS } from './problems.ts';
import { createBatchedWrites } from './usecases/batched-writes.ts';
import { createChargePoints } from './usecases/charge-points.ts';

const HOUR_MS = 3_600_000;

const runtime = createRuntime('payment', loadConfig(configSchema), { recovers: true });
const { logger, metrics, health, shutdown } = runtime;

// The first registered is stopped last: the database outlives all its users.
const database = openDatabase(runtime);
const now = () => database.clock.date();
const prisma = lazyPrisma(database, () => import('./db/generated/client.ts'));
shutdown.onStop('prisma', () => prisma.close());

// With RECOVERY=on nothing below starts, and no request is served, until the restored schema has caught up.
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

const writes = createBatchedWrites({
  chargePoints: createChargePoints({ transactor: database, accounts, outbox, now }),
  metrics,
});
shutdown.onStop('writes', () => writes.stop());
const batchedReads = createBatchedReads({ database, metrics });
shutdown.onStop('reads', () => batchedReads.stop());

const callers = createCallerVerifier(runtime.config.INTERNAL_KEYS, database.clock.now);
const reads = createPointReads(prisma);
const { charges } = writes;
const { balances } = batchedReads;
await runtime.listen(
  createHttpApp({
    logger,
    metrics,
    health,
    callers,
    problems: PROBLEMS,
    routes: pointRoutes({ reads, balances, charges }),
  }),
);
