import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderPairs } from './security-headers.ts';

const METHODS = 'GET, HEAD, POST, PATCH';
const REQUEST_HEADERS =
  'Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, traceparent';
/** What a page of another origin may read of an answer, besides what every page may. */
const EXPOSED = [
  'Age',
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'traceparent',
  'Warning',
  'WWW-Authenticate',
].join(', ');
/** How long a browser may remember a preflight's answer, s. */
const MAX_AGE_SECONDS = '600';

export interface Cors {
  /** What an answer to this request needs so that its page may read it: name, value, name, value … */
  headers(request: IncomingMessage): HeaderPairs;
  /** Answers a preflight of an allowed origin. @returns false for everything else, which is then handled as usual */
  preflight(request: IncomingMessage, response: ServerResponse, own: HeaderPairs): boolean;
}

const NONE: HeaderPairs = [];

/**
 * Pages of the origins named may call the API; those of others get their answers without a word of CORS, and their
 * browsers keep them from it. Tokens come in a header that such a page must have, so cookies (credentials) stay out.
 */
export function createCors(origins: readonly string[]): Cors {
  if (origins.length === 0) return { headers: () => NONE, preflight: () => false };
  // Caches must not give one origin the answer meant for another.
  const others: HeaderPairs = ['vary', 'Origin'];
  const allowed = new Map<string, HeaderPairs>(
    origins.map((origin) => [
      origin,
      [...others, 'access-control-allow-origin', origin, 'access-control-expose-headers', EXPOSED],
    ]),
  );
  const headers = ({ headers: { origin } }: IncomingMessage): HeaderPairs =>
    (origin !== undefined && allowed.get(origin)) || others;
  return {
    headers,
    preflight(request, response, own) {
      if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
      const answer = headers(request);
      if (answer === others) return false;
      const may = ['access-control-allow-methods', METHODS, 'access-control-allow-headers', REQUEST_HEADERS];
      const age = ['access-control-max-age', MAX_AGE_SECONDS];
      response.writeHead(204, [...own, ...answer, ...may, ...age]).end();
      return true;
    },
  };
}
