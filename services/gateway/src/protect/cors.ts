import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderPairs } from './security-headers.ts';

const METHODS = 'GET, HEAD, POST, PATCH';
const REQUEST_HEADERS =
  'Authorization, Cache-Control, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, traceparent';
/** Answer headers that a page of another origin may read, besides those every page may. */
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
  /** The headers that let the requesting page read an answer: name, value, name, value … */
  headers(request: IncomingMessage): HeaderPairs;
  /** Answers a preflight of an allowed origin. @returns false for all other requests, which are handled as usual */
  preflight(request: IncomingMessage, response: ServerResponse, own: HeaderPairs): boolean;
}

const NONE: HeaderPairs = [];

/**
 * Pages of the named origins may call the API. Other origins get answers without CORS headers, so browsers keep their
 * pages from reading them. Tokens come in a header that such a page must set itself, so cookies (credentials) are not
 * allowed.
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
