import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  currentTrace,
  DomainError,
  formatTraceparent,
  type Logger,
  type Metrics,
  renderProblem,
  runWithTrace,
  type TraceContext,
} from '@shop/service';
import { readBody } from './body.ts';
import { Exchange, type NoAnswer } from './exchange.ts';
import { requestHeaders } from './headers.ts';
import type { Upstream } from './upstream.ts';

/** Largest body passed on, bytes. */
export const BODY_LIMIT = 64 * 1024;
/** What a client is told to wait, s. */
const RETRY_AFTER_SECONDS = 1;

/** Passes a request on to a service, and its answer back. `route` is its label in the measures. */
export type Forward = (request: IncomingMessage, response: ServerResponse, upstream: Upstream, route: string) => void;

export function createForward({ logger, metrics }: { logger: Logger; metrics: Metrics }): Forward {
  const measure = createMeasure(metrics);
  const warn = createWarning(logger);

  return (request, response, upstream, route) => {
    measure(request, response, route);
    const trace = runWithTrace(request.headers.traceparent as string | undefined, currentTrace);
    if (upstream.inFlight >= upstream.maxInFlight) {
      const detail = `Too many requests for the ${upstream.name} service are at work.`;
      refuse(response, trace, new DomainError('SERVICE_UNAVAILABLE', detail));
      return;
    }
    upstream.inFlight++;
    response.once('close', () => {
      upstream.inFlight--;
    });

    readBody(request, BODY_LIMIT, (body) => {
      if (body.kind === 'aborted') return;
      if (body.kind === 'too large') {
        if (!body.discarded) response.setHeader('Connection', 'close');
        refuse(response, trace, new DomainError('PAYLOAD_TOO_LARGE', `At most ${BODY_LIMIT} bytes are accepted.`));
        return;
      }
      const client = { address: request.socket.remoteAddress, traceparent: trace && formatTraceparent(trace) };
      const outgoing = {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        headers: requestHeaders(request.headers, client),
        body: body.bytes,
      };
      const exchange = new Exchange(request, response, upstream, outgoing, (reason) => {
        warn(reason, upstream, trace);
        refuse(response, trace, toProblem(reason, upstream));
      });
      exchange.start();
    });
  };
}

function createMeasure(metrics: Metrics) {
  const seconds = metrics.histogram('http_request_duration_seconds', 'Requests by route template and status', [
    'method',
    'route',
    'status',
  ]);
  return (request: IncomingMessage, response: ServerResponse, route: string): void => {
    const start = performance.now();
    response.once('close', () => {
      // 499: the client went away before the answer.
      const status = response.writableFinished ? response.statusCode : 499;
      const labels = { method: request.method ?? '', route: `/${route}`, status };
      seconds.observe(labels, (performance.now() - start) / 1000);
    });
  };
}

/** A service that is away fails every request: one line a second is enough. */
function createWarning(logger: Logger) {
  const last = new Map<string, { at: number; since: number }>();
  return (reason: NoAnswer, upstream: Upstream, trace: TraceContext | undefined): void => {
    const name = `${upstream.name} ${reason.kind}`;
    const now = performance.now();
    const before = last.get(name);
    if (before && now - before.at < 1_000) {
      before.since++;
      return;
    }
    last.set(name, { at: now, since: 0 });
    const fields = { err: reason.error, upstream: upstream.name, traceId: trace?.traceId };
    logger.warn({ ...fields, unlogged: before?.since ?? 0 }, `no answer from a service: ${reason.kind}`);
  };
}

function toProblem({ kind }: NoAnswer, { name }: Upstream): DomainError {
  const extra = { retryAfterSeconds: RETRY_AFTER_SECONDS };
  switch (kind) {
    case 'away':
      return new DomainError('SERVICE_UNAVAILABLE', `The ${name} service cannot be reached; nothing was done.`, extra);
    case 'silent':
      return new DomainError(
        'SERVICE_UNAVAILABLE',
        `The ${name} service gave no answer; whether it did the work is not known. Repeat with the same Idempotency-Key.`,
        extra,
      );
    case 'malformed':
      return new DomainError('VALIDATION_FAILED', 'The path or a header of the request is malformed.');
    default:
      return kind satisfies never;
  }
}

function refuse(response: ServerResponse, trace: TraceContext | undefined, error: DomainError): void {
  if (response.headersSent || response.destroyed) return;
  const { body, headers } = renderProblem(error, trace?.traceId);
  const bytes = Buffer.from(JSON.stringify(body));
  const own = { 'Content-Type': 'application/problem+json', 'Content-Length': bytes.length };
  response.writeHead(body.status, { ...own, ...headers }).end(bytes);
}
