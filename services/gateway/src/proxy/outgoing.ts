import type { IncomingHttpHeaders } from 'node:http';
import { formatTraceparent, type SignCaller, TIME_LEFT_HEADER } from '@shop/chassis';
import type { Passage } from '../passage.ts';
import type { ClientAddress } from '../protect/client-address.ts';
import type { Outgoing } from './exchange.ts';
import { requestHeaders } from './headers.ts';
import { type TimeLimits, timeLimit } from './time-limits.ts';
import { withWaitLeft } from './waits.ts';

export interface OutgoingOptions {
  /** Tells services the caller, signed. */
  readonly signCaller: SignCaller;
  readonly clientAddress: ClientAddress;
  readonly timeLimits: TimeLimits;
}

export interface OutgoingWith {
  /** Default: the client's. */
  readonly headers?: IncomingHttpHeaders | undefined;
  /** How much of the request's time earlier tries took, ms. */
  readonly spentMs: number;
}

/** A client's request in the form sent to its service. */
export function outgoingOf(
  passage: Passage,
  body: Buffer | null,
  options: OutgoingOptions,
  { headers = passage.request.headers, spentMs }: OutgoingWith,
): Outgoing {
  const { request, route, trace, caller } = passage;
  const { method = 'GET', url: path = '/' } = request;
  const client = {
    address: options.clientAddress(request),
    traceparent: trace && formatTraceparent(trace),
    caller: options.signCaller(caller, method, path),
  };
  // The wait for a place or for another's answer counts; the client's own slowness does not.
  const limit = timeLimit(method, headers, options.timeLimits) - passage.waitedMs - spentMs;
  const headersTimeout = Math.max(1, Math.floor(limit));
  const all = requestHeaders(withWaitLeft(headers, spentMs), client);
  // A stream has no awaited end.
  if (!route.stream) all.push(TIME_LEFT_HEADER, String(headersTimeout));
  return { method, path, headers: all, body, headersTimeout };
}
