import type { IncomingMessage, ServerResponse } from 'node:http';
import { edgeTrace, isRecorded, recordRequest, type TraceContext } from '@shop/chassis';

/**
 * A new span of the gateway in the client's trace, or in a new trace. If it is recorded, then once the answer is over.
 *
 * @param route the route's template
 * @param startedAt performance.now(), ms
 */
export function traceOf(
  request: IncomingMessage,
  response: ServerResponse,
  route: string,
  startedAt: number,
): TraceContext {
  const { trace, client } = edgeTrace(request.headers.traceparent as string | undefined);
  if (isRecorded(trace)) {
    response.once('close', () => {
      const { method = 'GET', url = '/' } = request;
      const [path = '/'] = url.split('?', 1);
      const status = response.writableFinished ? response.statusCode : 499;
      recordRequest({ trace, parent: client, startedAt, method, route, path, status });
    });
  }
  return trace;
}
