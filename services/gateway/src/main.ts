import { createCallerSigner, createRuntime, redisServer } from '@shop/chassis';
import { createAdmission } from './admission/admission.ts';
import { createApp } from './app.ts';
import { openServiceClock } from './auth/service-clock.ts';
import { openAuthentication } from './auth/setup.ts';
import { loadGatewayConfig, upstreamUrls } from './config.ts';
import { createClientAddress } from './protect/client-address.ts';
import { createCors } from './protect/cors.ts';
import { openRateLimits } from './protect/rate-limits.ts';
import { createShedder } from './protect/shedding.ts';
import { breakUnread } from './protect/unread.ts';
import { createCopies } from './proxy/copies.ts';
import { createLastGood } from './proxy/last-good.ts';
import { createStreams, STREAM_SILENCE_MS } from './proxy/streams.ts';
import { createUpstream } from './proxy/upstream.ts';
import { createWaits } from './proxy/waits.ts';
import { ROUTES } from './routes.generated.ts';
import type { Upstreams } from './routes.ts';

/** Sockets that listen on the port, each accepting one connection a turn of the event loop. */
const LISTENING_SOCKETS = 16;

const config = loadGatewayConfig();
const runtime = createRuntime('gateway', config);
const { logger, metrics, health, shutdown } = runtime;

const common = { timeoutMs: config.UPSTREAM_TIMEOUT_MS, maxInFlight: config.MAX_IN_FLIGHT, metrics };
const reachable = upstreamUrls(config);
const upstreams: Upstreams = Object.fromEntries(
  reachable.map(([name, urls]) => [name, createUpstream({ name, urls, ...common })]),
);
// Event streams have their own connection pool, so that they cannot starve ordinary requests.
const streamCommon = { timeoutMs: STREAM_SILENCE_MS, maxInFlight: config.MAX_STREAMS, metrics };
const streaming = new Set(ROUTES.filter(({ stream }) => stream).map(({ service }) => service));
const streamUpstreams: Upstreams = Object.fromEntries(
  reachable
    .filter(([name]) => streaming.has(name))
    .map(([name, urls]) => [name, createUpstream({ name, urls, measuredAs: `${name}-streams`, ...streamCommon })]),
);
shutdown.onStop('upstreams', async () => {
  const all = [...Object.values(upstreams), ...Object.values(streamUpstreams)];
  await Promise.all(all.map((upstream) => upstream.close()));
});

const clock = await openServiceClock(
  runtime,
  reachable.flatMap(([, urls]) => urls),
);
const shedder = createShedder({ aboveMs: config.SHED_ABOVE_MS, metrics });
const admission = createAdmission({
  on: config.ADMISSION,
  minLimit: Math.min(config.LIMIT_MIN, config.MAX_IN_FLIGHT),
  maxLimit: Math.min(config.LIMIT_MAX, config.MAX_IN_FLIGHT),
  targetMs: config.LIMIT_TARGET_MS,
  shedder,
  metrics,
});
const limits = openRateLimits({
  user: config.RATE_LIMIT_USER,
  address: config.RATE_LIMIT_ADDRESS,
  redisServer: config.REDIS_URL === undefined ? undefined : redisServer({ ...config, REDIS_URL: config.REDIS_URL }),
  logger,
  metrics,
});
shutdown.onStop('protection', () => {
  shedder.stop();
  admission.stop();
  limits.stop();
});

const passing = {
  signCaller: createCallerSigner(config.INTERNAL_KEYS, clock.now),
  clientAddress: createClientAddress(config.TRUST_PROXY, config.TRUST_PROXY_HEADER),
  timeLimits: {
    readMs: config.READ_TIMEOUT_MS,
    writeMs: config.WRITE_TIMEOUT_MS,
    mostMs: config.UPSTREAM_TIMEOUT_MS,
  },
  logger,
  metrics,
};
const streams = createStreams({ ...passing, upstreams: streamUpstreams });
const waits = createWaits();
const openStreams = metrics.gauge('gateway_open_streams', 'Streams that are passed through');
runtime.repeat({ name: 'measure-streams', everyMs: 1_000, run: async () => openStreams.set(streams.open) });

const app = createApp({
  ...passing,
  ...(await openAuthentication(runtime, clock.now)),
  upstreams,
  streams,
  lastGood: createLastGood({ maxAgeSeconds: config.LAST_GOOD_SECONDS }),
  copies: createCopies({ metrics }),
  waits,
  cors: createCors(config.CORS_ORIGINS),
  limit: limits.limit,
  shedder,
  admission,
  health,
});
await runtime.listen(app, {
  maxConnections: config.MAX_CONNECTIONS,
  sockets: LISTENING_SOCKETS,
  prepare: (server) => breakUnread(server),
});
// Stopped before the server, which waits for answers under way. Clients come back for the rest.
shutdown.onStop('streams', () => streams.close());
shutdown.onStop('waits', () => waits.close());
