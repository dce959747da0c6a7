import type { IncomingMessage } from 'node:http';
import { currentTrace, runWithTrace, type TraceContext } from '@shop/service';

/** A span of the gateway's own in the trace that the client names, or in a new one. */
export function traceOf(request: IncomingMessage): TraceContext | undefined {
  return runWithTrace(request.headers.traceparent as string | undefined, currentTrace);
}
