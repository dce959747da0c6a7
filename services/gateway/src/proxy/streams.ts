import { DomainError, type Logger, type SignCaller } from '@shop/service';
import type { Passage } from '../pipeline.ts';
import { refuse } from '../refuse.ts';
import type { UpstreamName } from '../routes.ts';
import { Exchange } from './exchange.ts';
import { createWarning, outgoingOf, toProblem } from './proxy.ts';
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

export interface StreamsOptions {
  /** Of the services that have streams. */
  readonly upstreams: Partial<Record<UpstreamName, Upstream>>;
  readonly signCaller: SignCaller;
  readonly logger: Logger;
}

/** Passes streams through, each over a connection of its own. A client that leaves takes its stream with it. */
export function createStreams({ upstreams, signCaller, logger }: StreamsOptions): Streams {
  const warn = createWarning(logger);
  const exchanges = new Set<Exchange>();
  let closed = false;

  return {
    forward(passage) {
      const { request, response, route, trace } = passage;
      const upstream = upstreams[route.service];
      if (closed || !upstream) throw new DomainError('SERVICE_UNAVAILABLE', 'The gateway is stopping.');
      if (upstream.inFlight >= upstream.maxInFlight) {
        throw new DomainError('SERVICE_UNAVAILABLE', 'Too many streams are open.', { retryAfterSeconds: 2 });
      }
      // A stream is asked for by GET: what a client sends as a body goes nowhere.
      const exchange = new Exchange(request, response, upstream, outgoingOf(passage, signCaller, null), (reason) => {
        warn(reason, upstream, trace);
        refuse(response, trace, toProblem(reason, upstream), logger);
      });
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
