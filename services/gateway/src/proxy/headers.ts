import type { IncomingHttpHeaders } from 'node:http';
import { CALLER_HEADER, TIME_LEFT_HEADER } from '@shop/chassis';

/** Headers of one connection only (RFC 9110 §7.6.1), which a proxy must not pass on. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const NOT_FORWARDED = new Set([
  ...HOP_BY_HOP,
  // These two are set anew for the connection to the service.
  'host',
  'content-length',
  'expect',
  // The gateway is the edge: nothing that a client says about its address, its trace, its identity or its time is
  // trusted. The gateway sets these headers itself.
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'traceparent',
  CALLER_HEADER,
  TIME_LEFT_HEADER,
  // The token is for the gateway, which tells services the caller.
  'authorization',
]);

const NOT_RETURNED = new Set(HOP_BY_HOP);

export interface Client {
  readonly address: string | undefined;
  readonly traceparent: string | undefined;
  /** The signed caller. */
  readonly caller: string;
}

/** The client's headers in the form sent to a service: name, value, name, value … */
export function requestHeaders(headers: IncomingHttpHeaders, client: Client): string[] {
  const named = namedByConnection(headers.connection);
  const result: string[] = [];
  for (const name in headers) {
    if (NOT_FORWARDED.has(name) || named?.has(name)) continue;
    append(result, name, headers[name]);
  }
  result.push('x-forwarded-proto', 'http', CALLER_HEADER, client.caller);
  if (client.traceparent) result.push('traceparent', client.traceparent);
  if (client.address) result.push('x-forwarded-for', client.address);
  if (headers.host) result.push('x-forwarded-host', headers.host);
  return result;
}

/** A service's headers in the form sent to the client, with the gateway's `own`: name, value, name, value … */
export function responseHeaders(headers: IncomingHttpHeaders, own: readonly string[]): string[] {
  const named = namedByConnection(headers.connection);
  const result = [...own];
  for (const name in headers) {
    if (NOT_RETURNED.has(name) || named?.has(name)) continue;
    append(result, name, headers[name]);
  }
  return result;
}

function append(target: string[], name: string, value: string | string[] | undefined): void {
  if (typeof value === 'string') target.push(name, value);
  else for (const one of value ?? []) target.push(name, one);
}

/** `Connection: close, X-Own` makes X-Own a header of this connection only. */
function namedByConnection(connection: string | string[] | undefined): Set<string> | undefined {
  if (!connection || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(
    String(connection)
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
}
