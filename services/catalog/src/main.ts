import { createMessaging } from '@shop/events';
import { createCallerVerifier, createRuntime, loadConfig, openDatabase, purgeIdempotencyKeys } from '@shop/service';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import { sqlCatalogStore } from './db/catalog-store.ts';
import { createPrisma } from './db/prisma.ts';
import { sqlProductStore } from './db/product-store.ts';
import { createProductReads } from './db/products.ts';
import { catalogSubscription } from './messaging/subscription.ts';
import { createProductChanges } from './usecases/change-products.ts';

const HOUR_MS = 3_600_000;

const runtime = createRuntime('catalog', loadConfig(configSchema));
const { logger, metrics, health, shutdown } = runtime;
const now = () => new Date();

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime);
const prisma = createPrisma(database);
shutdown.onStop('prisma', () => prisma.$disconnect());

const messaging = createMessaging({ ...runtime, database });
const { outbox } = messaging;
messaging.subscribe(catalogSubscription({ store: sqlCatalogStore, outbox, now }));

runtime.repeat({
  name: 'purge-idempotency-keys',
  everyMs: HOUR_MS,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const changes = createProductChanges({ transactor: database, products: sqlProductStore, outbox, now });
const callers = createCallerVerifier(runtime.config.INTERNAL_KEYS);
await runtime.listen(createApp({ logger, metrics, health, callers, reads: createProductReads(prisma), changes }));
