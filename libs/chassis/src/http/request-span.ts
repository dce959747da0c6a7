import { type EdgeTrace, recordSpan } from '../process/index.ts';

/** Longest path in a span, characters. */
const MAX_PATH = 200;

export interface AnsweredRequest extends EdgeTrace {
  /** performance.now(), ms. */
  readonly startedAt: number;
  readonly method: string;
  /** Its template, e.g. `/orders/:id`, or `unmatched`. */
  readonly route: string;
  /** Without the query. */
  readonly path: string;
  /** 499: the client left before the answer. */
  readonly status: number;
}

/**
 * Records the span of a request that has its answer. Only a status from 500 on is an error: a refusal such as 402 is an
 * answer, and its code is in `error.type`. A path that is none of ours is left out: it may have anything in it.
 */
export function recordRequest({ trace, parent, links, startedAt, method, route, path, status }: AnsweredRequest): void {
  recordSpan({
    ...{ trace, parent, links, startedAt, name: `${method} ${route}`, kind: 'server' },
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': route === 'unmatched' ? undefined : path.slice(0, MAX_PATH),
      'http.response.status_code': status,
    },
    error: status >= 500 ? `answered ${status}` : undefined,
  });
}
