import type { ServerResponse } from 'node:http';
import { DomainError, type Logger, renderProblem, type TraceContext, toDomainError } from '@shop/service';

/** Answers with the problem that `error` stands for; what is our fault is logged here, once. */
export function refuse(
  response: ServerResponse,
  trace: TraceContext | undefined,
  error: unknown,
  logger: Logger,
): void {
  if (!(error instanceof DomainError)) logger.error({ err: error, traceId: trace?.traceId }, 'request failed');
  if (response.headersSent || response.destroyed) return;
  const { body, headers } = renderProblem(toDomainError(error), trace?.traceId);
  const bytes = Buffer.from(JSON.stringify(body));
  const own = { 'Content-Type': 'application/problem+json', 'Content-Length': bytes.length };
  response.writeHead(body.status, { ...own, ...headers }).end(bytes);
}
