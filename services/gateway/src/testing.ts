import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCallerSigner, createHealth, createLogger, createMetrics, parseInternalKeys } from '@shop/chassis';
import { createAdmission } from './admission/admission.ts';
import { createApp } from './app.ts';
import type { DemoIssuer } from './auth/demo.ts';
import { asAnybody } from './guards/authenticate.ts';
import type { Guard } from './passage.ts';
import { createClientAddress } from './protect/client-address.ts';
import { createCors } from './protect/cors.ts';
import { createRateLimiter } from './protect/rate-limiter.ts';
import { createShedder, type Shedder } from './protect/shedding.ts';
import { breakUnread, PAUSE_MS } from './protect/unread.ts';
import { createWindowCounts, type Quota } from './protect/window-counts.ts';
import { createCopies } from './proxy/copies.ts';
import { createLastGood } from './proxy/last-good.ts';
import { createStreams } from './proxy/streams.ts';
import { createUpstream, type UpstreamOptions } from './proxy/upstream.ts';
import { createWaits } from './proxy/waits.ts';

export const INTERNAL_KEYS = parseInternalKeys(`test:${'k'.repeat(32)}`);

/** A service that a test controls. */
export interface FakeService {
  readonly url: string;
  readonly requests: { readonly request: IncomingMessage; readonly body: string }[];
  close(): Promise<void>;
}

export async function fakeService(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  port = 0,
): Promise<FakeService> {
  const requests: FakeService['requests'] = [];
  const { url, close } = await listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      requests.push({ request, body });
      answer(request, response, body);
    });
  }, port);
  return { url, requests, close };
}

/** An address at which nothing listens. */
export async function deadAddress(): Promise<string> {
  const { url, close } = await listen(() => undefined);
  await close();
  return url;
}

export interface GatewayOptions extends Partial<Omit<UpstreamOptions, 'metrics'>> {
  readonly maxStreams?: number;
  readonly streamSilenceMs?: number;
  readonly catalogUrls?: readonly string[];
  readonly readMs?: number;
  readonly lastGoodSeconds?: number;
  /** Default 0: no copies. */
  readonly copiesMs?: number;
  readonly corsOrigins?: readonly string[];
  readonly trustProxy?: readonly string[];
  readonly limitAddress?: Quota;
  readonly limitUser?: Quota;
  readonly shedAboveMs?: number;
  /** Replaces the shedder that measures the event loop. */
  readonly shedder?: Shedder;
  readonly minLimit?: number;
  readonly maxLimit?: number;
  readonly identify?: Guard;
  readonly demo?: DemoIssuer;
  /** How long a client may leave its output unread. */
  readonly unreadMs?: number;
}

/** A gateway whose orders go to `orderUrls`, and reads of products to `catalogUrls`; all other services are away. */
// One function: it is the wiring of main.ts for tests, in the order in which the parts need each other.
export async function startGateway(orderUrls: readonly string[], options: GatewayOptions = {}) {
  const nowhere = await deadAddress();
  const logger = createLogger({ service: 'gateway', level: 'silent' });
  const metrics = createMetrics({ defaults: false });
  const { timeoutMs = 2_000, maxInFlight = 100, catalogUrls = [nowhere] } = options;
  const common = { timeoutMs, maxInFlight, metrics };
  const upstreams = {
    order: createUpstream({ ...common, name: 'order', urls: orderUrls }),
    catalog: createUpstream({ ...common, name: 'catalog', urls: catalogUrls }),
    payment: createUpstream({ ...common, name: 'payment', urls: [nowhere] }),
    coupon: createUpstream({ ...common, name: 'coupon', urls: [nowhere] }),
    ranking: createUpstream({ ...common, name: 'ranking', urls: [nowhere] }),
  };
  const orderStreams = createUpstream({
    name: 'order',
    measuredAs: 'order-streams',
    urls: orderUrls,
    timeoutMs: options.streamSilenceMs ?? 2_000,
    maxInFlight: options.maxStreams ?? 100,
    metrics,
  });
  const shedder = options.shedder ?? createShedder({ aboveMs: options.shedAboveMs ?? 0, metrics });
  const admission = createAdmission({
    on: true,
    minLimit: Math.min(options.minLimit ?? 10, maxInFlight),
    maxLimit: Math.min(options.maxLimit ?? 1_000, maxInFlight),
    targetMs: 150,
    shedder,
    metrics,
  });
  const counts = (quota: Quota | undefined) => quota && createWindowCounts(quota, 1_000);
  const pauseMs = Math.min(PAUSE_MS, options.unreadMs ?? PAUSE_MS);
  const passing = {
    signCaller: createCallerSigner(INTERNAL_KEYS),
    clientAddress: createClientAddress(options.trustProxy ?? []),
    timeLimits: { readMs: options.readMs ?? timeoutMs, writeMs: timeoutMs, mostMs: timeoutMs },
    logger,
    metrics,
  };
  const streams = createStreams({ ...passing, upstreams: { order: orderStreams } });
  const app = createApp({
    ...passing,
    upstreams,
    streams,
    pauseMs,
    lastGood: createLastGood({ maxAgeSeconds: options.lastGoodSeconds ?? 3_600 }),
    copies: createCopies({ maxAgeMs: options.copiesMs ?? 0, metrics }),
    waits: createWaits(),
    cors: createCors(options.corsOrigins ?? []),
    limit: createRateLimiter({ user: counts(options.limitUser), address: counts(options.limitAddress), metrics }),
    shedder,
    admission,
    identify: options.identify ?? asAnybody,
    demo: options.demo,
    health: createHealth(),
  });
  const { url, close } = await listen(app, 0, (server) => breakUnread(server, options.unreadMs));
  return {
    url,
    metrics,
    upstreams,
    streams,
    admission,
    async close() {
      shedder.stop();
      admission.stop();
      await close();
      await Promise.all([...Object.values(upstreams), orderStreams].map((upstream) => upstream.close()));
    },
  };
}

async function listen(
  listener: RequestListener,
  port = 0,
  prepare: (server: Server) => void = () => undefined,
): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer(listener);
  prepare(server);
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
