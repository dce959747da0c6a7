import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import {
  type Caller,
  currentTrace,
  DomainError,
  type Logger,
  type Metrics,
  NOBODY,
  runWithTrace,
  type TraceContext,
} from '@shop/service';
import { createMatcher } from './match.ts';
import { refuse } from './refuse.ts';
import type { Route } from './routes.ts';

/** A request of a route, on its way through the gateway. */
export interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  /** Milliseconds, performance.now(). */
  readonly startedAt: number;
  readonly trace: TraceContext | undefined;
  /** Nobody, until a guard knows better. */
  caller: Caller;
}

/**
 * One step before a request is passed on. To refuse it, throws (or rejects with) a DomainError; headers of the answer are
 * set on `response` before. Gives a promise only where it has to wait: a request that waits for nothing goes on at once.
 */
export type Guard = (passage: Passage) => Promise<void> | undefined;

export interface PipelineOptions {
  readonly routes: readonly Route[];
  /** In this order. */
  readonly guards: readonly Guard[];
  readonly forward: (passage: Passage) => void;
  /** What is not under a route. */
  readonly other: RequestListener;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Every request of a route is matched, measured, goes by the guards and is passed on. */
export function createPipeline({ routes, guards, forward, other, logger, metrics }: PipelineOptions): RequestListener {
  const match = createMatcher(routes);
  const measure = createMeasure(metrics);

  function go(passage: Passage, from: number): void {
    try {
      for (let i = from; i < guards.length; i++) {
        const pending = guards[i]?.(passage);
        if (pending) {
          pending.then(
            () => go(passage, i + 1),
            (error: unknown) => refuse(passage.response, passage.trace, error, logger),
          );
          return;
        }
      }
      // It may have gone away while a guard waited.
      if (!passage.response.destroyed) forward(passage);
    } catch (error) {
      refuse(passage.response, passage.trace, error, logger);
    }
  }

  return (request, response) => {
    const { method = 'GET', url = '/' } = request;
    const found = match(method, url);
    if (!found) {
      other(request, response);
      return;
    }
    const trace = runWithTrace(request.headers.traceparent as string | undefined, currentTrace);
    if ('allow' in found) {
      measure(request, response, 'unmatched', performance.now());
      response.setHeader('Allow', found.allow);
      refuse(response, trace, new DomainError('METHOD_NOT_ALLOWED', `Allowed here: ${found.allow}.`), logger);
      return;
    }
    const { route } = found;
    const startedAt = performance.now();
    measure(request, response, route.path, startedAt);
    go({ request, response, route, startedAt, trace, caller: NOBODY }, 0);
  };
}

function createMeasure(metrics: Metrics) {
  const seconds = metrics.histogram('http_request_duration_seconds', 'Requests by route template and status', [
    'method',
    'route',
    'status',
  ]);
  return (request: IncomingMessage, response: ServerResponse, route: string, startedAt: number): void => {
    response.once('close', () => {
      // 499: the client went away before the answer.
      const status = response.writableFinished ? response.statusCode : 499;
      seconds.observe({ method: request.method ?? '', route, status }, (performance.now() - startedAt) / 1000);
    });
  };
}
