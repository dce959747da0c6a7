import type { IncomingMessage } from 'node:http';
import { childTrace, parseTraceparent, type TraceContext } from '@shop/chassis';

/** A new span of the gateway in the client's trace, or in a new trace. */
export function traceOf(request: IncomingMessage): TraceContext {
  return childTrace(parseTraceparent(request.headers.traceparent as string | undefined));
}
