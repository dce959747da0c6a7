import { createMessaging } from '@shop/events';
import { createRuntime, loadConfig, openDatabase } from '@shop/service';
import { createApp } from './app.ts';
import { configSchema } from './config.ts';

const runtime = createRuntime('ranking', loadConfig(configSchema));
const { logger, metrics, health } = runtime;

// What is registered first is stopped last: the database outlives all who use it.
const database = openDatabase(runtime);
createMessaging({ ...runtime, database });

await runtime.listen(createApp({ logger, metrics, health }));
