import type { ServerResponse } from 'node:http';
import { DomainError, type Logger, noteOnSpan, renderProblem, type TraceContext, toDomainError } from '@shop/chassis';

export interface Refused {
  readonly response: ServerResponse;
  readonly trace: TraceContext | undefined;
  /** Headers of every answer: name, value, name, value … */
  readonly headers: readonly string[];
}

/**
 * Answers with the problem of `error`. An error of our own is logged here, once.
 *
 * What is told is decided elsewhere. Code and status: by `errors/problem.ts` of libs/chassis, its table and
 * `toDomainError`. Retry-After under load: by `admission/retry-after.ts`; a request that is refused before it is read
 * is answered by `admission/quick-refusal.ts`, and does not come here.
 */
export function refuse({ response, trace, headers: own }: Refused, error: unknown, logger: Logger): void {
  if (!(error instanceof DomainError)) logger.error({ err: error, traceId: trace?.traceId }, 'request failed');
  if (response.headersSent || response.destroyed) return;
  const { body, headers } = renderProblem(toDomainError(error), trace?.traceId);
  noteOnSpan({ 'error.type': body.code }, trace);
  const bytes = Buffer.from(JSON.stringify(body));
  const content = ['Content-Type', 'application/problem+json', 'Content-Length', String(bytes.length)];
  response.writeHead(body.status, [...content, ...Object.entries(headers).flat(), ...own]).end(bytes);
}
