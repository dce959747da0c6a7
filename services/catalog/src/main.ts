import { createMessaging } from '@shop/events';
import {
  createDatabase,
  createHealth,
  createLogger,
  createMetrics,
  createShutdown,
  loadConfig,
  purgeIdempotencyKeys,
  redactConfig,
  serve,
  startJob,
} from '@shop/service';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import { sqlCatalogStore } from './db/catalog-store.ts';
import { createPrisma } from './db/prisma.ts';
import { sqlProductStore } from './db/product-store.ts';
import { createProductReads } from './db/products.ts';
import { catalogSubscription } from './messaging/subscription.ts';
import { createProductChanges } from './usecases/change-products.ts';

const SERVICE = 'catalog';
const HOUR_MS = 3_600_000;

const config = loadConfig(configSchema);
const logger = createLogger({ service: SERVICE, instance: config.INSTANCE_ID, level: config.LOG_LEVEL });
const metrics = createMetrics({ service: SERVICE, instance: config.INSTANCE_ID });
const health = createHealth();
const shutdown = createShutdown({ logger, health });
const now = () => new Date();
logger.info({ config: redactConfig(config) }, 'starting');

// What is registered first is stopped last: the database outlives all who use it.
const database = createDatabase({ url: config.DATABASE_URL, applicationName: config.INSTANCE_ID, logger });
const prisma = createPrisma(database);
shutdown.onStop('database', async () => {
  await prisma.$disconnect();
  await database.close();
});
health.addCheck('database', async () => void (await database.query('SELECT 1')));

const messaging = createMessaging({ service: SERVICE, config, database, logger, metrics, shutdown, health });
const { outbox } = messaging;
messaging.subscribe(catalogSubscription({ store: sqlCatalogStore, outbox, now }));

const purge = startJob({
  name: 'purge-idempotency-keys',
  everyMs: HOUR_MS,
  run: () => purgeIdempotencyKeys(database),
  logger,
  metrics,
});
shutdown.onStop('jobs', () => purge.stop());

const changes = createProductChanges({ transactor: database, products: sqlProductStore, outbox, now });
const app = createApp({ logger, metrics, health, reads: createProductReads(prisma), changes });
const server = await serve(app, { host: config.HOST, port: config.PORT });
shutdown.onStop('http', () => server.close());
logger.info({ url: server.url }, 'listening');
