import { OutageError } from './outage.ts';
import { isOutage, isSqlMistake } from './sql-error.ts';

/** The one table: error code → status and title. Codes are stable and public. */
export const PROBLEMS = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  INVALID_CHARGE_AMOUNT: { status: 400, title: 'The amount cannot be charged' },
  BALANCE_LIMIT_EXCEEDED: { status: 400, title: 'The balance would be over its limit' },
  UNAUTHENTICATED: { status: 401, title: 'Authentication is needed' },
  INSUFFICIENT_BALANCE: { status: 402, title: 'Not enough points' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  NOT_FOUND: { status: 404, title: 'Nothing here' },
  PRODUCT_NOT_FOUND: { status: 404, title: 'No such product' },
  COUPON_NOT_FOUND: { status: 404, title: 'No such coupon' },
  COUPON_POLICY_NOT_FOUND: { status: 404, title: 'No such coupon policy' },
  ORDER_NOT_FOUND: { status: 404, title: 'No such order' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  OUT_OF_STOCK: { status: 409, title: 'Out of stock' },
  COUPON_SOLD_OUT: { status: 409, title: 'All coupons are gone' },
  COUPON_ALREADY_USED: { status: 409, title: 'The coupon is used' },
  COUPON_EXPIRED: { status: 409, title: 'The coupon has expired' },
  COUPON_NOT_OPEN: { status: 409, title: 'Coupons are not being issued now' },
  PRICE_CHANGED: { status: 409, title: 'The price has changed' },
  ORDER_CANCELLED: { status: 409, title: 'The order was cancelled' },
  RUSH_RUNNING: { status: 409, title: 'A rush is at work' },
  AUDIT_RUNNING: { status: 409, title: 'An audit is at work' },
  IDEMPOTENCY_IN_FLIGHT: { status: 409, title: 'A request with this key is still at work' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large' },
  URI_TOO_LONG: { status: 414, title: 'The path is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body is not JSON' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large' },
  INTERNAL_ERROR: { status: 500, title: 'Something went wrong' },
  SERVICE_UNAVAILABLE: { status: 503, title: 'Not available for the moment' },
  ORDER_DEADLINE_EXCEEDED: { status: 503, title: 'The order was not finished in time' },
} as const satisfies Record<string, { status: number; title: string }>;

/** A stable, public error code. */
export type ProblemCode = keyof typeof PROBLEMS;

/** Where in the request a value is wrong: `items.0.quantity`. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

export interface DomainErrorExtra {
  readonly errors?: readonly FieldError[];
  /** Goes into the Retry-After header, not the body. Defaults to 1 for 429 and 503. */
  readonly retryAfterSeconds?: number;
  /** Any other member of the problem, e.g. `orderId`. */
  readonly [member: string]: unknown;
}

/** A refusal the caller is told about: a code, what happened in this case, further members. It knows no HTTP status. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly extra: DomainErrorExtra;

  constructor(code: ProblemCode, detail?: string, extra: DomainErrorExtra = {}) {
    super(detail ? `${code}: ${detail}` : code);
    this.code = code;
    this.detail = detail;
    this.extra = extra;
  }
}

/** An RFC 9457 body. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail?: string;
  readonly traceId?: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
}

/** What the caller is told about `error`. Anything unexpected says nothing of its inside. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof OutageError || (isOutage(error) && !isSqlMistake(error))) {
    return new DomainError('SERVICE_UNAVAILABLE', 'The service cannot answer for the moment.');
  }
  return new DomainError('INTERNAL_ERROR', 'The error has been recorded under the traceId.');
}

/** The body that tells of `error`, and the headers that go with it. */
export function renderProblem(
  error: DomainError,
  traceId?: string,
): { body: Problem; headers: Record<string, string> } {
  const { status, title } = PROBLEMS[error.code];
  const { retryAfterSeconds = status === 429 || status === 503 ? 1 : undefined, ...members } = error.extra;
  const body: Problem = {
    type: `urn:problem:shop:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    code: error.code,
    ...(error.detail ? { detail: error.detail } : {}),
    ...(traceId ? { traceId } : {}),
    ...members,
  };
  return { body, headers: retryAfterSeconds ? { 'Retry-After': String(Math.ceil(retryAfterSeconds)) } : {} };
}
