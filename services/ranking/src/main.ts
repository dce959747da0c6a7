import { createCallerVerifier, createRedis, createRuntime, loadConfig, openDatabase, startJob } from '@shop/chassis';
import { createMessaging } from '@shop/events';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import { createBoard } from './db/board.ts';
import { createPrisma } from './db/prisma.ts';
import { sqlRebuildStore } from './db/rebuild-store.ts';
import { createSalesReads } from './db/sales-reads.ts';
import { sqlSalesStore } from './db/sales-store.ts';
import { createCalendar } from './domain/business-day.ts';
import { rankingSubscription } from './messaging/subscriptions.ts';
import { createApplySales } from './usecases/apply-sales.ts';
import { createPopular } from './usecases/popular.ts';
import { KEPT_DAYS } from './usecases/ports.ts';
import { createRebuild } from './usecases/rebuild.ts';
import { createRepairBoard } from './usecases/repair-board.ts';
import { createBoardWriter } from './usecases/write-board.ts';

const REPAIR_EVERY_MS = 20_000;
const SETTLE_EVERY_MS = 20_000;

const runtime = createRuntime('ranking', loadConfig(configSchema));
const { config, logger, metrics, health, shutdown } = runtime;
const now = () => new Date();
const calendar = createCalendar(config.SHOP_TIME_ZONE);

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime);
const prisma = createPrisma(database);
shutdown.onStop('prisma', () => prisma.close());
const reads = createSalesReads(database, prisma);
const redis = createRedis(config.REDIS_URL, logger);
shutdown.onStop('redis', () => Promise.resolve(redis.disconnect()));
const board = createBoard(redis);

const repair = createRepairBoard({ board, reads, calendar, now, metrics });
const repairs = startJob({
  name: 'repair-board',
  everyMs: REPAIR_EVERY_MS,
  logger,
  metrics,
  async run() {
    await database.transaction((tx) => sqlSalesStore.generations(tx));
    if (board.connected) await repair({ execute: true });
  },
});
shutdown.onStop('repair-board', () => repairs.stop());
// At the start, and whenever Redis is back: it may have lost everything, and missed what was committed meanwhile.
redis.on('ready', () => repairs.trigger());

const writer = createBoardWriter({
  board,
  keeps: (day) => calendar.lastDays(now().getTime(), KEPT_DAYS).includes(day),
  askRepair: () => repairs.trigger(),
  logger,
  metrics,
});
shutdown.onStop('board writer', () => writer.settled());

const messaging = createMessaging({ ...runtime, database });
const { claim } = messaging.store;
messaging.subscribe(
  rankingSubscription(createApplySales({ store: sqlSalesStore, calendar, now, claim, written: writer.write })),
);

const rebuild = createRebuild({
  ...{ database, store: sqlRebuildStore, sales: sqlSalesStore, calendar, now, repair, logger },
  letGo: () => settling.trigger(),
});
const settling = startJob({
  name: 'settle-rebuild',
  everyMs: SETTLE_EVERY_MS,
  logger,
  metrics,
  run: (signal) => rebuild.settle(signal),
});
shutdown.onStop('settle-rebuild', () => settling.stop());
messaging.rebuilds(rebuild);

const popular = createPopular({ board, reads, calendar, now, logger, metrics });
const callers = createCallerVerifier(config.INTERNAL_KEYS);
await runtime.listen(createApp({ logger, metrics, health, callers, popular, repair, now }));
