import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Metrics } from '@shop/chassis';
import type { Route } from '../routes.ts';
import type { Flight } from './copies.ts';
import type { LastGood } from './last-good.ts';

/**
 * Keeps the answer of one read if it is good, and answers with the last good one if none comes. Clients that wait for
 * the same answer learn the outcome from here.
 */
export interface StandIn {
  begin(status: number, headers: IncomingHttpHeaders): void;
  add(chunk: Buffer): void;
  end(): void;
  /** Called when the answer broke off after its head was sent. */
  broke(): void;
  /** @returns whether there was a last good answer to send */
  answer(): boolean;
}

export interface StandInOptions {
  readonly lastGood: LastGood;
  /** Path and query. */
  readonly key: string;
  readonly response: ServerResponse;
  /** Headers of every answer of the gateway: name, value, name, value … */
  readonly ownHeaders: readonly string[];
  /** Called when the last good answer was used. */
  readonly used: () => void;
  /** Shares the answer with other waiting clients. */
  readonly flight: Flight | undefined;
}

/** The request of a read that has a last good answer. */
export interface StandInFor {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly route: Route;
  /** Headers of every answer of the gateway: name, value, name, value … */
  readonly headers: readonly string[];
}

/** Stand-ins for reads that are the same for all clients; undefined for other requests. */
export function createStandIns(
  lastGood: LastGood,
  metrics: Metrics,
): (of: StandInFor, flight?: Flight) => StandIn | undefined {
  const stale = metrics.counter('gateway_stale_answers_total', 'Reads answered with the last good answer', ['route']);
  return ({ request, response, route, headers }, flight) => {
    if (!route.shared || request.method !== 'GET') return undefined;
    const used = () => stale.inc({ route: route.path });
    return createStandIn({ lastGood, key: request.url ?? '/', response, ownHeaders: headers, used, flight });
  };
}

function createStandIn({ lastGood, key, response, ownHeaders, used, flight }: StandInOptions): StandIn {
  let contentType: string | undefined;
  let head: IncomingHttpHeaders = {};
  let chunks: Buffer[] = [];
  return {
    begin(status, headers) {
      contentType = status === 200 ? headers['content-type'] : undefined;
      head = headers;
      // Drops the pieces of an earlier try.
      chunks = [];
      if (status >= 500) flight?.failed({ kind: 'failing', retryAfterSeconds: retryAfter(headers) });
      else if (contentType === undefined) flight?.refused();
    },
    add(chunk) {
      if (contentType !== undefined) chunks.push(chunk);
    },
    end() {
      const [first] = chunks;
      if (contentType === undefined || !first) {
        flight?.refused();
        return;
      }
      const body = chunks.length === 1 ? first : Buffer.concat(chunks);
      const { etag, age, 'cache-control': cacheControl } = head;
      lastGood.keep(key, { contentType, body, ageThen: Number(age ?? 0) });
      flight?.answered({ contentType, body, etag, cacheControl, age });
    },
    broke: () => flight?.left(),
    answer() {
      const good = lastGood.find(key);
      if (!good || response.headersSent || response.destroyed) return false;
      const { contentType: type, body } = good;
      const content = ['content-type', type, 'content-length', String(body.length)];
      const age = ['age', String(lastGood.age(good)), 'warning', '110 - "Response is Stale"'];
      response.writeHead(200, [...content, ...age, ...ownHeaders]).end(body);
      used();
      return true;
    },
  };
}

/** Undefined unless it is a number of seconds. */
function retryAfter({ 'retry-after': value = '' }: IncomingHttpHeaders): number | undefined {
  return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}
