import { createCallerVerifier, createHttpApp, createRuntime, loadConfig, openDatabase } from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { createMessaging } from '@shop/events';
import { configSchema } from './config.ts';
import { createShipmentReads } from './db/shipment-reads.ts';
import { sqlShipmentStore } from './db/shipment-store.ts';
import { shippingRoutes } from './http/routes.ts';
import { shippingSubscription } from './messaging/subscriptions.ts';

const runtime = createRuntime('shipping', loadConfig(configSchema));
const { logger, metrics, health, shutdown } = runtime;

// The first registered is stopped last: the database outlives all its users.
const database = openDatabase(runtime);
const now = () => database.clock.date();
const prisma = lazyPrisma(database, () => import('./db/generated/client.ts'));
shutdown.onStop('prisma', () => prisma.close());

const messaging = createMessaging({ ...runtime, database });
messaging.subscribe(shippingSubscription({ store: sqlShipmentStore, outbox: messaging.outbox, now }));

const callers = createCallerVerifier(runtime.config.INTERNAL_KEYS, database.clock.now);
await runtime.listen(
  createHttpApp({
    logger,
    metrics,
    health,
    callers,
    problems: {},
    routes: shippingRoutes({ reads: createShipmentReads(prisma) }),
  }),
);
