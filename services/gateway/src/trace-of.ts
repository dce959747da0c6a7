import type { IncomingMessage } from 'node:http';
import { childTrace, parseTraceparent, type TraceContext } from '@shop/chassis';

/** A span of the gateway's own in the trace that the client names, or in a new one. */
export function traceOf(request: IncomingMessage): TraceContext {
  return childTrace(parseTraceparent(request.headers.traceparent as string | undefined));
}
