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
 * How long a stream may be silent, ms: three of its service's heartbeats. Streams have their own connections and are
 * not counted with the requests in flight, so that any number of open streams takes nothing from requests.
 */
export const STREAM_SILENCE_MS = 45_000;

/** Answers without an end of their own, which must be ended when the gateway stops. */
export interface Streams {
  forward(passage: Passage): void;
  readonly open: number;
  /** Ends every stream and accepts no more: clients return, to another gateway, for the rest. */
  close(): void;
}

export interface StreamsOptions extends OutgoingOptions {
  /** The services with streams. */
  readonly upstreams: Partial<Record<UpstreamName, Upstream>>;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Forwards streams, each over its own connection. When a client leaves, its stream ends too. */
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
      // A stream is requested by GET; a body sent by the client is ignored.
      const outgoing = (spentMs: number) => outgoingOf(passage, null, options, { spentMs });
      const none = { standIn: undefined, place: undefined, pauseMs: undefined };
      const own = { request, response, ownHeaders: headers, ...none };
      const leave = upstream.enter();
      const over = () => {
        leave();
        exchanges.delete(exchange);
      };
      const exchange = new Exchange({ ...own, upstream, outgoing, retried, failed, over });
      exchanges.add(exchange);
      response.once('close', over);
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
