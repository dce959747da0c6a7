import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCallerSigner, createHealth, createLogger, createMetrics, parseInternalKeys } from '@shop/service';
import { createApp } from './app.ts';
import { createStreams } from './proxy/streams.ts';
import { createUpstream, type UpstreamOptions } from './proxy/upstream.ts';

export const INTERNAL_KEYS = parseInternalKeys(`test:${'k'.repeat(32)}`);

/** A service that does what a test tells it to. */
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

/** An address where nothing listens. */
export async function deadAddress(): Promise<string> {
  const { url, close } = await listen(() => undefined);
  await close();
  return url;
}

/** A gateway whose orders go to `orderUrls`; everything else is away. */
export async function startGateway(
  orderUrls: readonly string[],
  {
    maxStreams = 100,
    streamSilenceMs = 2_000,
    ...options
  }: Partial<UpstreamOptions> & { readonly maxStreams?: number; readonly streamSilenceMs?: number } = {},
) {
  const nowhere = await deadAddress();
  const common = { timeoutMs: 2_000, maxInFlight: 100, ...options };
  const upstreams = {
    order: createUpstream({ ...common, name: 'order', urls: orderUrls }),
    catalog: createUpstream({ ...common, name: 'catalog', urls: [nowhere] }),
    payment: createUpstream({ ...common, name: 'payment', urls: [nowhere] }),
    coupon: createUpstream({ ...common, name: 'coupon', urls: [nowhere] }),
    ranking: createUpstream({ ...common, name: 'ranking', urls: [nowhere] }),
  };
  const orderStreams = createUpstream({
    name: 'order',
    urls: orderUrls,
    timeoutMs: streamSilenceMs,
    maxInFlight: maxStreams,
  });
  const logger = createLogger({ service: 'gateway', level: 'silent' });
  const metrics = createMetrics({ defaults: false });
  const signCaller = createCallerSigner(INTERNAL_KEYS);
  const streams = createStreams({ upstreams: { order: orderStreams }, signCaller, logger });
  const app = createApp({ upstreams, streams, signCaller, logger, metrics, health: createHealth() });
  const { url, close } = await listen(app);
  return {
    url,
    metrics,
    upstreams,
    streams,
    async close() {
      await close();
      await Promise.all([...Object.values(upstreams), orderStreams].map((upstream) => upstream.close()));
    },
  };
}

async function listen(listener: RequestListener, port = 0): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer(listener);
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
