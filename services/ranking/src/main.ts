import {
  createCallerVerifier,
  createHttpApp,
  createRedis,
  createRuntime,
  loadConfig,
  openDatabase,
  redisServer,
} from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { createMessaging, createSqlMessagingStore, recoverWhenAsked } from '@shop/events';
import { configSchema } from './config.ts';
import { createBoard } from './db/board.ts';
import { sqlRebuildStore } from './db/rebuild-store.ts';
import { createSalesReads } from './db/sales-reads.ts';
import { sqlSalesStore } from './db/sales-store.ts';
import { createCalendar } from './domain/business-day.ts';
import { rankingRoutes } from './http/routes.ts';
import { rankingFacts, rankingRecovery, rankingSubscription } from './messaging/subscriptions.ts';
import { createApplySales } from './usecases/apply-sales.ts';
import { createPopular } from './usecases/popular.ts';
import { createRebuild } from './usecases/rebuild.ts';
import { createRepairBoard, createRepairRegularly } from './usecases/repair-board.ts';
import { createBoardWriter, createKeeps } from './usecases/write-board.ts';

const REPAIR_EVERY_MS = 20_000;
const SETTLE_EVERY_MS = 20_000;

const runtime = createRuntime('ranking', loadConfig(configSchema), { recovers: true });
const { config, logger, metrics, health, shutdown } = runtime;
const calendar = createCalendar(config.SHOP_TIME_ZONE);

// The first registered is stopped last: the database outlives all its users.
const database = openDatabase(runtime);
const now = () => database.clock.date();
const prisma = lazyPrisma(database, () => import('./db/generated/client.ts'));
shutdown.onStop('prisma', () => prisma.close());

// With RECOVERY=on nothing below starts, and no request is served, until the restored schema has caught up.
const { claim } = createSqlMessagingStore(database);
const counting = { store: sqlSalesStore, calendar, now, claim };
await recoverWhenAsked({
  ...runtime,
  database,
  own: rankingFacts,
  // Redis is made equal to the table by the first repair.
  subscriptions: () => [rankingRecovery(createApplySales({ ...counting, written: () => {} }))],
});

const reads = createSalesReads(database, prisma);
const redis = createRedis(redisServer(config), logger);
shutdown.onStop('redis', () => Promise.resolve(redis.disconnect()));
const board = createBoard(redis);

const repair = createRepairBoard({ board, reads, calendar, now, metrics });
const repairs = runtime.repeat({
  name: 'repair-board',
  everyMs: REPAIR_EVERY_MS,
  run: createRepairRegularly({ transactor: database, store: sqlSalesStore, board, repair }),
});
// Repairs at the start and whenever Redis is back: it may have lost data, and missed commits meanwhile.
redis.on('ready', () => repairs.trigger());

const writer = createBoardWriter({
  board,
  keeps: createKeeps(calendar, now),
  askRepair: () => repairs.trigger(),
  logger,
  metrics,
});
shutdown.onStop('board writer', () => writer.settled());

const messaging = createMessaging({ ...runtime, database });
messaging.subscribe(rankingSubscription(createApplySales({ ...counting, written: writer.write })));

const rebuild = createRebuild({
  ...{ database, store: sqlRebuildStore, sales: sqlSalesStore, calendar, now, repair, logger },
  letGo: () => settling.trigger(),
});
const settling = runtime.repeat({
  name: 'settle-rebuild',
  everyMs: SETTLE_EVERY_MS,
  run: (signal) => rebuild.settle(signal),
});
messaging.rebuilds(rebuild);

const popular = createPopular({ board, reads, calendar, now, logger, metrics });
const callers = createCallerVerifier(config.INTERNAL_KEYS, database.clock.now);
await runtime.listen(
  createHttpApp({ logger, metrics, health, callers, problems: {}, routes: rankingRoutes({ popular, repair }) }),
);
