import { DomainError, type Logger, type TraceContext } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';

/** Why there is no answer to forward; nothing has been sent to the client yet. */
export type NoAnswer =
  /** The request was not sent: the service's breaker is open, or too many requests are under way there. */
  | { readonly kind: 'open' | 'busy' }
  /** The request was not sent: to another client's equal read the service has just answered 500 or above. */
  | { readonly kind: 'failing'; readonly retryAfterSeconds: number | undefined }
  /** `away`: no instance took the request. `silent`: an instance took it, and its outcome is unknown. */
  | { readonly kind: 'away' | 'silent' | 'malformed'; readonly error: Error };

/** Retry-After told to a client, s. */
const RETRY_AFTER_SECONDS = 1;

/** The problem told to the client when its service gave no answer. */
export function toProblem(reason: NoAnswer, service: string): DomainError {
  const unavailable = (detail: string, retryAfterSeconds = RETRY_AFTER_SECONDS) =>
    new DomainError('SERVICE_UNAVAILABLE', detail, { retryAfterSeconds });
  switch (reason.kind) {
    case 'open':
      return unavailable(`The ${service} service does not answer at the moment; nothing was done.`);
    case 'busy':
      return unavailable(`Too many requests for the ${service} service are at work.`);
    case 'failing':
      return unavailable(`The ${service} service cannot answer this at the moment.`, reason.retryAfterSeconds);
    case 'away':
      return unavailable(`The ${service} service cannot be reached; nothing was done.`);
    case 'silent':
      return unavailable(
        `The ${service} service gave no answer; whether it did the work is not known. Repeat with the same Idempotency-Key.`,
      );
    case 'malformed':
      return new DomainError('VALIDATION_FAILED', 'The path or a header of the request is malformed.');
    default:
      return unreachable(reason);
  }
}

/** Logs at most one line a second: an absent service fails every request. */
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
