import {
  createCallerVerifier,
  createHttpApp,
  createRuntime,
  loadConfig,
  openDatabase,
  purgeIdempotencyKeys,
} from '@shop/chassis';
import { createMessaging, recoverWhenAsked } from '@shop/events';
import { configSchema, limitsOf } from './config.ts';
import { sqlCatalogStore } from './db/catalog-store.ts';
import { sqlFactStore } from './db/fact-store.ts';
import { readProducts } from './db/product-reads.ts';
import { sqlProductStore } from './db/product-store.ts';
import { createRecoveryStore } from './db/recovery-store.ts';
import { productRoutes } from './http/routes.ts';
import { createShownProducts } from './http/shown-products.ts';
import { catalogFacts, catalogRecovery, catalogSubscription } from './messaging/subscriptions.ts';
import { PROBLEMS } from './problems.ts';
import { createProductChanges } from './usecases/change-products.ts';
import { createCompanions } from './usecases/companions.ts';

const HOUR_MS = 3_600_000;

const runtime = createRuntime('catalog', loadConfig(configSchema), { recovers: true });
const { logger, metrics, health, shutdown } = runtime;

// The first registered is stopped last: the database outlives all its users.
const database = openDatabase(runtime);
const now = () => database.clock.date();

const rules = { store: sqlCatalogStore, companions: createCompanions(), limits: limitsOf(runtime.config) };

// With RECOVERY=on nothing below starts, and no request is served, until the restored schema has caught up.
await recoverWhenAsked({
  ...runtime,
  database,
  own: catalogFacts(sqlFactStore),
  subscriptions: (deps) =>
    catalogRecovery({
      ...{ ...rules, ...deps, transactor: database, facts: sqlFactStore, recovery: createRecoveryStore(database) },
      acceptGaps: runtime.config.RECOVERY_ACCEPT_GAPS,
      present: now,
      warn: (words) => logger.warn({}, `recovery: ${words}`),
    }),
});

const messaging = createMessaging({ ...runtime, database });
const { outbox } = messaging;
const stock = { ...rules, outbox, now };
messaging.subscribe(catalogSubscription(stock));

runtime.repeat({
  name: 'purge-idempotency-keys',
  everyMs: HOUR_MS,
  run: (signal) => purgeIdempotencyKeys(database, { signal }),
});

const shown = createShownProducts({ read: (wishes) => readProducts(database, wishes), metrics });
shutdown.onStop('reads', () => shown.stop());
const changes = createProductChanges({
  ...{ ...stock, transactor: database, products: sqlProductStore },
  // An operator's change is visible at once. Sales are too many for that: they show once the copies have aged.
  changed: (tx) => tx.onCommit(shown.changed),
});
const callers = createCallerVerifier(runtime.config.INTERNAL_KEYS, database.clock.now);
await runtime.listen(
  createHttpApp({ logger, metrics, health, callers, problems: PROBLEMS, routes: productRoutes({ shown, changes }) }),
);
