import { DomainError, type Logger, type Metrics } from '@shop/chassis';
import type { Passage } from '../passage.ts';
import { refuse } from '../refuse.ts';
import type { UpstreamName } from '../routes.ts';
import { Exchange } from './exchange.ts';
import { createWarning, type NoAnswer, toProblem } from './no-answer.ts';
import { type OutgoingOptions, outgoingOf } from './outgoing.ts';
import { createRetryCount } from './retry-budget.ts';
import type { Upstream } from './upstream.ts';

/**
 * How long a stream may be silent, ms: three of the heartbeats that a service owes it. Their connections are their own
 * too, and they are not counted with the requests in flight: any number of open streams takes nothing from those.
 */
export const STREAM_SILENCE_MS = 45_000;

/** Answers that have no end of their own, and so have to be ended when the gateway stops. */
export interface Streams {
  forward(passage: Passage): void;
  readonly open: number;
  /** Ends every stream where it is, and takes no more: clients come back, to another gateway, for the rest. */
  close(): void;
}

export interface StreamsOptions extends OutgoingOptions {
  /** Of the services that have streams. */
  readonly upstreams: Partial<Record<UpstreamName, Upstream>>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Passes streams through, each over a connection of its own. A client that leaves takes its stream with it. */
export function createStreams(options: StreamsOptions): Streams {
  const { upstreams, logger, metrics } = options;
  const warn = createWarning(logger);
  const retried = createRetryCount(metrics);
  const exchanges = new Set<Exchange>();
  let closed = false;

  return {
    forward(passage) {
      const { request, response, route, trace, headers } = passage;
      const upstream = upstreams[route.service];
      if (closed || !upstream) throw new DomainError('SERVICE_UNAVAILABLE', 'The gateway is stopping.');
      if (upstream.inFlight >= upstream.maxInFlight) {
        throw new DomainError('SERVICE_UNAVAILABLE', 'Too many streams are open.', { retryAfterSeconds: 2 });
      }
      if (!upstream.breaker.closed) throw toProblem({ kind: 'open' }, upstream.name);
      const failed = (reason: NoAnswer): void => {
        if ('error' in reason) warn(reason, upstream.name, trace);
        refuse(passage, toProblem(reason, upstream.name), logger);
      };
      // A stream is asked for by GET: what a client sends as a body goes nowhere.
      const outgoing = outgoingOf(passage, null, options);
      const own = { request, response, ownHeaders: headers, standIn: undefined, place: undefined };
      const exchange = new Exchange({ ...own, upstream, outgoing, retried, failed });
      upstream.inFlight++;
      exchanges.add(exchange);
      response.once('close', () => {
        upstream.inFlight--;
        exchanges.delete(exchange);
      });
      exchange.start();
    },
    get open() {
      return exchanges.size;
    },
    close() {
      closed = true;
      for (const exchange of exchanges) exchange.cut();
    },
  };
}
