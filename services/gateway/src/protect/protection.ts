import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { DomainError, type Logger } from '@shop/chassis';
import type { Guard } from '../passage.ts';
import { refuse } from '../refuse.ts';
import { traceOf } from '../trace-of.ts';
import type { ClientAddress } from './client-address.ts';
import type { Cors } from './cors.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { API_HEADERS, type HeaderPairs, PAGE_HEADERS } from './security-headers.ts';
import type { Shedder } from './shedding.ts';

/** Longest path with query. `serve` limits all headers together to 16 KiB. */
const URL_LIMIT = 8 * 1024;

export interface ProtectionOptions {
  readonly clientAddress: ClientAddress;
  readonly cors: Cors;
  readonly limit: RateLimiter;
  readonly shedder: Shedder;
  readonly logger: Logger;
}

/** Checks and headers that apply to every request, whoever answers it. */
export interface Protection {
  /** Answers a preflight. @returns whether it was one */
  preflight(request: IncomingMessage, response: ServerResponse): boolean;
  /** Headers of every answer with a route: name, value, name, value … */
  answerHeaders(request: IncomingMessage): string[];
  /** The headers that let a page of another origin read an answer; part of `answerHeaders`. */
  originHeaders(request: IncomingMessage): HeaderPairs;
  /** Refuses, by throwing, a path that is too long and an address that has asked too often. */
  limitAddress(request: IncomingMessage, headers: string[]): void;
  /** Refuses a user that has asked too often. */
  readonly limitUser: Guard;
  /** The same for the gateway's own pages. /health is never refused. */
  pages(listener: RequestListener): RequestListener;
}

export function createProtection({ clientAddress, cors, limit, shedder, logger }: ProtectionOptions): Protection {
  function limitAddress(request: IncomingMessage, headers: string[]): undefined {
    const { url = '/' } = request;
    if (url.length > URL_LIMIT) throw new DomainError('URI_TOO_LONG', `At most ${URL_LIMIT} characters are accepted.`);
    refuseIf(limit.address(clientAddress(request), headers));
  }

  return {
    preflight: (request, response) => cors.preflight(request, response, API_HEADERS),
    originHeaders: cors.headers,
    answerHeaders: (request) => [...API_HEADERS, ...cors.headers(request)],
    limitAddress,
    limitUser({ caller, headers }) {
      if (typeof caller.user === 'number') refuseIf(limit.user(String(caller.user), headers));
    },
    pages: (listener) => (request, response) => {
      const headers = [...PAGE_HEADERS, ...cors.headers(request)];
      try {
        if (!isWatching(request)) {
          if (shedder.refuses()) throw new DomainError('SERVICE_UNAVAILABLE', 'Too much is asked for at the moment.');
          limitAddress(request, headers);
        }
      } catch (error) {
        const trace = traceOf(request, response, 'unmatched', performance.now());
        refuse({ response, trace, headers }, error, logger);
        return;
      }
      for (let i = 0; i < headers.length; i += 2) response.appendHeader(headers[i] ?? '', headers[i + 1] ?? '');
      listener(request, response);
    },
  };
}

function isWatching({ method, url = '/' }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && ['/health/live', '/health/ready'].includes(url);
}

function refuseIf(refusal: DomainError | undefined): void {
  if (refusal) throw refusal;
}
