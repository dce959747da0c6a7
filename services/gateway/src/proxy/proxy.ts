import { DomainError, formatTraceparent, type Logger, type SignCaller, type TraceContext } from '@shop/service';
import type { Passage } from '../pipeline.ts';
import { refuse } from '../refuse.ts';
import type { Upstreams } from '../routes.ts';
import { readBody } from './body.ts';
import { Exchange, type NoAnswer, type Outgoing } from './exchange.ts';
import { requestHeaders } from './headers.ts';
import type { Upstream } from './upstream.ts';

/** Largest body passed on, bytes. */
export const BODY_LIMIT = 64 * 1024;
/** What a client is told to wait, s. */
const RETRY_AFTER_SECONDS = 1;

export interface ForwardDeps {
  readonly upstreams: Upstreams;
  /** Tells services who calls, in a way that they can believe. */
  readonly signCaller: SignCaller;
  readonly logger: Logger;
}

/** Passes requests on to their services, and the answers back. */
export function createForward({ upstreams, signCaller, logger }: ForwardDeps) {
  const warn = createWarning(logger);

  return (passage: Passage): void => {
    const { request, response, route, trace } = passage;
    const upstream = upstreams[route.service];
    if (upstream.inFlight >= upstream.maxInFlight)
      throw new DomainError('SERVICE_UNAVAILABLE', `Too many requests for the ${upstream.name} service are at work.`);
    upstream.inFlight++;
    response.once('close', () => {
      upstream.inFlight--;
    });

    readBody(request, BODY_LIMIT, (body) => {
      if (body.kind === 'aborted') return;
      if (body.kind === 'too large') {
        if (!body.discarded) response.setHeader('Connection', 'close');
        const detail = `At most ${BODY_LIMIT} bytes are accepted.`;
        refuse(response, trace, new DomainError('PAYLOAD_TOO_LARGE', detail), logger);
        return;
      }
      const outgoing = outgoingOf(passage, signCaller, body.bytes);
      const exchange = new Exchange(request, response, upstream, outgoing, (reason) => {
        warn(reason, upstream, trace);
        refuse(response, trace, toProblem(reason, upstream), logger);
      });
      exchange.start();
    });
  };
}

/** A client's request as its service gets it. */
export function outgoingOf({ request, trace, caller }: Passage, signCaller: SignCaller, body: Buffer | null): Outgoing {
  const { method = 'GET', url: path = '/' } = request;
  const client = {
    address: request.socket.remoteAddress,
    traceparent: trace && formatTraceparent(trace),
    caller: signCaller(caller, method, path),
  };
  return { method, path, headers: requestHeaders(request.headers, client), body };
}

/** A service that is away fails every request: one line a second is enough. */
export function createWarning(logger: Logger) {
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

export function toProblem({ kind }: NoAnswer, { name }: Upstream): DomainError {
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
