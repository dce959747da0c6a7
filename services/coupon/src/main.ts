import { createMessaging } from '@shop/events';
import { createRuntime, loadConfig, openDatabase } from '@shop/service';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';
import { sqlRedemptionStore } from './db/redemption-store.ts';
import { couponSubscription } from './messaging/subscription.ts';

const runtime = createRuntime('coupon', loadConfig(configSchema));
const { logger, metrics, health } = runtime;
const now = () => new Date();

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime);
const messaging = createMessaging({ ...runtime, database });
const { outbox } = messaging;
messaging.subscribe(couponSubscription({ store: sqlRedemptionStore, outbox, now }));

await runtime.listen(createApp({ logger, metrics, health }));
