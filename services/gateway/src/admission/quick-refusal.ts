import type { IncomingMessage, ServerResponse } from 'node:http';
import { DomainError, noteOnSpan, renderProblem, type TraceContext } from '@shop/chassis';

/** Largest body that is still read and discarded, so that the connection stays usable, bytes. */
const DISCARD_LIMIT = 8 * 1024 * 1024;
const TRACE_ID = '0'.repeat(32);

/** The sentence for a request that got no place at its service. */
export const TOO_MUCH = 'Too much is asked for at the moment; nothing was done.';

/** The answer except for the trace id, rendered once: a refusal must cost a small part of a served request. */
const { body: PROBLEM } = renderProblem(new DomainError('SERVICE_UNAVAILABLE', TOO_MUCH), TRACE_ID);
const TEXT = JSON.stringify(PROBLEM);
const LENGTH = String(Buffer.byteLength(TEXT));
const [BEFORE = '', AFTER = ''] = TEXT.split(TRACE_ID);

/**
 * Answers 503 to a request of which only the head was read. Node discards the body of an answered request.
 *
 * @param headers further headers: name, value, name, value …
 */
export function refuseQuickly(
  { request, response, trace }: { request: IncomingMessage; response: ServerResponse; trace: TraceContext },
  retryAfterSeconds: number,
  headers: readonly string[],
): void {
  noteOnSpan({ 'error.type': 'SERVICE_UNAVAILABLE' }, trace);
  const own = [
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    LENGTH,
    'Retry-After',
    String(retryAfterSeconds),
    'X-Content-Type-Options',
    'nosniff',
    ...headers,
  ];
  if (Number(request.headers['content-length']) > DISCARD_LIMIT) own.push('Connection', 'close');
  response.writeHead(503, own).end(BEFORE + trace.traceId + AFTER, 'latin1');
}
