import { createCallerSigner, createRuntime } from '@shop/service';
import { createApp } from './app.ts';
import { loadGatewayConfig } from './config.ts';
import { createUpstream } from './proxy/upstream.ts';

const config = loadGatewayConfig();
const runtime = createRuntime('gateway', config);
const { logger, metrics, health, shutdown } = runtime;
logger.warn('GATEWAY_AUTH=off: whoever can reach this port may act for any user');

const common = { timeoutMs: config.UPSTREAM_TIMEOUT_MS, maxInFlight: config.MAX_IN_FLIGHT };
const upstreams = {
  order: createUpstream({ name: 'order', urls: config.ORDER_URLS, ...common }),
  catalog: createUpstream({ name: 'catalog', urls: config.CATALOG_URLS, ...common }),
  payment: createUpstream({ name: 'payment', urls: config.PAYMENT_URLS, ...common }),
  coupon: createUpstream({ name: 'coupon', urls: config.COUPON_URLS, ...common }),
  ranking: createUpstream({ name: 'ranking', urls: config.RANKING_URLS, ...common }),
};
shutdown.onStop('upstreams', async () => {
  await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
});

const signCaller = createCallerSigner(config.INTERNAL_KEYS);
await runtime.listen(createApp({ upstreams, signCaller, logger, metrics, health }));
