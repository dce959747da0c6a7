import { DomainError, type Logger, type TraceContext } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';

/** Why there is no answer to pass on; nothing has been sent to the client yet. */
export type NoAnswer =
  /** It was not sent: the service's breaker is open, or too many others are at work there. */
  | { readonly kind: 'open' | 'busy' }
  /** `away`: no instance took the request. `silent`: one took it, and what became of it is not known. */
  | { readonly kind: 'away' | 'silent' | 'malformed'; readonly error: Error };

/** What a client is told to wait, s. */
const RETRY_AFTER_SECONDS = 1;

/** What the client is told when its service has no answer for it. */
export function toProblem({ kind }: NoAnswer, service: string): DomainError {
  const unavailable = (detail: string) =>
    new DomainError('SERVICE_UNAVAILABLE', detail, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  switch (kind) {
    case 'open':
      return unavailable(`The ${service} service does not answer at the moment; nothing was done.`);
    case 'busy':
      return unavailable(`Too many requests for the ${service} service are at work.`);
    case 'away':
      return unavailable(`The ${service} service cannot be reached; nothing was done.`);
    case 'silent':
      return unavailable(
        `The ${service} service gave no answer; whether it did the work is not known. Repeat with the same Idempotency-Key.`,
      );
    case 'malformed':
      return new DomainError('VALIDATION_FAILED', 'The path or a header of the request is malformed.');
    default:
      return unreachable(kind);
  }
}

/** A service that is away fails every request: one line a second is enough. */
export function createWarning(logger: Logger) {
  const last = new Map<string, { at: number; since: number }>();
  return (reason: { kind: string; error: Error }, service: string, trace: TraceContext | undefined): void => {
    const name = `${service} ${reason.kind}`;
    const now = performance.now();
    const before = last.get(name);
    if (before && now - before.at < 1_000) {
      before.since++;
      return;
    }
    last.set(name, { at: now, since: 0 });
    const fields = { err: reason.error, upstream: service, traceId: trace?.traceId };
    logger.warn({ ...fields, unlogged: before?.since ?? 0 }, `no answer from a service: ${reason.kind}`);
  };
}
