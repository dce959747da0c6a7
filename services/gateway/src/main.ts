import { createHealth, createLogger, createMetrics, createShutdown, redactConfig, serve } from '@shop/service';
import { createApp } from './app.ts';
import { loadGatewayConfig } from './config.ts';
import { createUpstream } from './proxy/upstream.ts';

const service = 'gateway';
const config = loadGatewayConfig();
const logger = createLogger({ service, instance: config.INSTANCE_ID, level: config.LOG_LEVEL });
const metrics = createMetrics({ service, instance: config.INSTANCE_ID });
const health = createHealth();
const shutdown = createShutdown({ logger, health });
logger.info({ config: redactConfig(config) }, 'starting');
logger.warn('GATEWAY_AUTH=off: whoever can reach this port may act for any user');

const common = { timeoutMs: config.UPSTREAM_TIMEOUT_MS, maxInFlight: config.MAX_IN_FLIGHT };
const upstreams = {
  order: createUpstream({ name: 'order', urls: config.ORDER_URLS, ...common }),
  catalog: createUpstream({ name: 'catalog', urls: config.CATALOG_URLS, ...common }),
  payment: createUpstream({ name: 'payment', urls: config.PAYMENT_URLS, ...common }),
};
shutdown.onStop('upstreams', async () => {
  await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
});

const server = await serve(createApp({ upstreams, logger, metrics, health }), { host: config.HOST, port: config.PORT });
shutdown.onStop('http', () => server.close());
logger.info({ url: server.url }, 'listening');
