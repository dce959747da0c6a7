import { createCallerSigner, createRuntime } from '@shop/service';
import { createApp } from './app.ts';
import { loadGatewayConfig } from './config.ts';
import { createStreams, STREAM_SILENCE_MS } from './proxy/streams.ts';
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
// Orders that are followed take no connection from those that are placed.
const orderStreams = createUpstream({
  name: 'order',
  urls: config.ORDER_URLS,
  timeoutMs: STREAM_SILENCE_MS,
  maxInFlight: config.MAX_STREAMS,
});
shutdown.onStop('upstreams', async () => {
  await Promise.all([...Object.values(upstreams), orderStreams].map((upstream) => upstream.close()));
});

const signCaller = createCallerSigner(config.INTERNAL_KEYS);
const streams = createStreams({ upstreams: { order: orderStreams }, signCaller, logger });
const openStreams = metrics.gauge('gateway_open_streams', 'Streams that are passed through');
runtime.repeat({ name: 'measure-streams', everyMs: 1_000, run: async () => openStreams.set(streams.open) });

await runtime.listen(createApp({ upstreams, streams, signCaller, logger, metrics, health }));
// Before the server closes, which waits for the answers that are at work.
shutdown.onStop('streams', () => streams.close());
