import { recordSpan, type TraceContext } from '../process/index.ts';

export interface AnsweredRequest {
  readonly trace: TraceContext;
  readonly parent: TraceContext | undefined;
  /** performance.now(), ms. */
  readonly startedAt: number;
  readonly method: string;
  /** Its template, e.g. `/orders/:id`. */
  readonly route: string;
  /** Without the query. */
  readonly path: string;
  /** 499: the client left before the answer. */
  readonly status: number;
}

/**
 * Records the span of a request that has its answer. Only a status from 500 on is an error: a refusal such as 402 is an
 * answer, and its code is in `error.type`.
 */
export function recordRequest({ trace, parent, startedAt, method, route, path, status }: AnsweredRequest): void {
  recordSpan({
    ...{ trace, parent, startedAt, name: `${method} ${route}`, kind: 'server' },
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': path,
      'http.response.status_code': status,
    },
    error: status >= 500 ? `answered ${status}` : undefined,
  });
}
