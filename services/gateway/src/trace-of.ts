import type { IncomingMessage, ServerResponse } from 'node:http';
import { edgeTrace, isRecorded, recordRequest, type TraceContext } from '@shop/chassis';

/**
 * The trace of a request at the gateway, and the gateway's span in it. If it is recorded, then once the answer is over.
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
  const place = edgeTrace(request.headers.traceparent as string | undefined);
  const { trace } = place;
  if (isRecorded(trace)) {
    response.once('close', () => {
      const { method = 'GET', url = '/' } = request;
      const [path = '/'] = url.split('?', 1);
      const status = response.writableFinished ? response.statusCode : 499;
      recordRequest({ ...place, startedAt, method, route, path, status });
    });
  }
  return trace;
}
