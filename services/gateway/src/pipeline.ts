import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  DomainError,
  type Logger,
  type Metrics,
  NOBODY,
  requestErrors,
  requestsUnderWay,
  type TraceContext,
} from '@shop/chassis';
import type { Admission } from './admission/admission.ts';
import type { Refusal } from './admission/gate.ts';
import { refuseQuickly } from './admission/quick-refusal.ts';
import { createMatcher } from './match.ts';
import type { Guard, Passage } from './passage.ts';
import { type Copies, isShared } from './proxy/copies.ts';
import type { StandIn, StandInFor } from './proxy/stand-in.ts';
import { refuse } from './refuse.ts';
import type { Route } from './routes.ts';
import { traceOf } from './trace-of.ts';

export interface PipelineOptions {
  readonly routes: readonly Route[];
  /** Answers a browser's preflight. @returns whether the request was one */
  readonly preflight: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** The first headers of every answer: name, value, name, value … */
  readonly answerHeaders: (request: IncomingMessage) => string[];
  /** The part of them that lets pages of other origins read an answer. */
  readonly originHeaders: (request: IncomingMessage) => readonly string[];
  /** Refuses by throwing, when only the head has been read. */
  readonly limitAddress: (request: IncomingMessage, headers: string[]) => void;
  /** Then refuses requests that cannot be served in time. */
  readonly admission: Admission;
  /** Answers a read that would be refused, if it has a last good answer. */
  readonly standInFor: (of: StandInFor) => StandIn | undefined;
  /**
   * Answers a read that is the same for all clients from a copy. It does not reach the service, so it needs no place.
   */
  readonly answerFromCopy: Copies['hit'];
  /** Called in this order. */
  readonly guards: readonly Guard[];
  readonly forward: (passage: Passage) => void;
  /** Handles requests without a route. */
  readonly other: RequestListener;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

type Measure = ReturnType<typeof createMeasure>;

/** The state shared by a request's steps. */
interface Work extends PipelineOptions {
  readonly measure: Measure;
}

/** Matches and measures every request with a route, runs the guards and forwards it. */
export function createPipeline(options: PipelineOptions): RequestListener {
  const { routes, preflight, answerHeaders, limitAddress, other, logger } = options;
  const match = createMatcher(routes);
  const measure = createMeasure(options.metrics);
  const work: Work = { ...options, measure };

  return (request, response) => {
    const { method = 'GET', url = '/' } = request;
    if (preflight(request, response)) return;
    const found = match(method, url);
    if (!found) {
      other(request, response);
      return;
    }
    if ('route' in found) {
      enter(work, request, response, found.route);
      return;
    }
    const headers = [...answerHeaders(request), 'allow', found.allow];
    const startedAt = performance.now();
    measure(request, response, 'unmatched', startedAt);
    try {
      limitAddress(request, headers);
      throw new DomainError('METHOD_NOT_ALLOWED', `Allowed here: ${found.allow}.`);
    } catch (error) {
      refuse({ response, trace: traceOf(request, response, 'unmatched', startedAt), headers }, error, logger);
    }
  };
}

/** Handles a request with a route, from its head to the first guard. */
function enter(work: Work, request: IncomingMessage, response: ServerResponse, route: Route): void {
  const { answerHeaders, limitAddress, answerFromCopy, admission, measure, logger } = work;
  const startedAt = performance.now();
  const trace = traceOf(request, response, route.path, startedAt);
  const headers = answerHeaders(request);
  try {
    limitAddress(request, headers);
  } catch (error) {
    measure(request, response, route.path, startedAt);
    refuse({ response, trace, headers }, error, logger);
    return;
  }
  if (isShared({ request, route }) && answerFromCopy({ request, response, route, trace, headers })) {
    measure(request, response, route.path, startedAt);
    return;
  }
  const place = admission.enter(route, request.headers.prefer as string | undefined);
  if (typeof place === 'string') {
    refuseUnread(work, { request, response, route, trace }, place);
    return;
  }
  const start = (waitedMs: number) => {
    measure(request, response, route.path, startedAt);
    go(work, { request, response, route, startedAt, trace, headers, caller: NOBODY, place, waitedMs }, 0);
  };
  if (place) response.once('close', () => place.leave());
  if (!place?.waiting) {
    start(0);
    return;
  }
  place.whenDecided((refusal) => {
    if (refusal) refuseUnread(work, { request, response, route, trace }, refusal);
    else start(performance.now() - startedAt);
  });
}

/** Runs the guards from `from` on, then forwards. */
function go(work: Work, passage: Passage, from: number): void {
  const { guards, forward, logger } = work;
  try {
    for (let i = from; i < guards.length; i++) {
      const pending = guards[i]?.(passage);
      if (pending) {
        pending.then(
          () => go(work, passage, i + 1),
          (error: unknown) => refuse(passage, error, logger),
        );
        return;
      }
    }
    // The client may have left while a guard waited.
    if (!passage.response.destroyed) forward(passage);
  } catch (error) {
    refuse(passage, error, logger);
  }
}

function refuseUnread(
  { standInFor, answerHeaders, originHeaders, admission }: Work,
  { request, response, route, trace }: Pick<Passage, 'request' | 'response' | 'route'> & { trace: TraceContext },
  reason: Refusal,
): void {
  if (response.destroyed) return;
  if (route.shared && standInFor({ request, response, route, headers: answerHeaders(request) })?.answer()) return;
  admission.countRefusal(route, reason);
  refuseQuickly({ request, response, trace }, admission.retryAfter(), originHeaders(request));
}

function createMeasure(metrics: Metrics) {
  const seconds = metrics.histogram('http_request_duration_seconds', 'Requests by route template and status', [
    'method',
    'route',
    'status',
  ]);
  const underWay = requestsUnderWay(metrics);
  const countError = requestErrors(metrics);
  return (request: IncomingMessage, response: ServerResponse, route: string, startedAt: number): void => {
    underWay.inc();
    response.once('close', () => {
      underWay.dec();
      // 499: the client left before the answer.
      const status = response.writableFinished ? response.statusCode : 499;
      seconds.observe({ method: request.method ?? '', route, status }, (performance.now() - startedAt) / 1000);
      countError(status);
    });
  };
}
