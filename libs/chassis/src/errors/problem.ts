import { OutageError } from './outage.ts';
import { isOutage, isSqlMistake } from './sql-error.ts';

/** Error code → HTTP status and title. */
export type ProblemTable = Readonly<Record<string, { readonly status: number; readonly title: string }>>;

/**
 * The codes with which any service may refuse. A code that belongs to one service is in that service's `problems.ts`,
 * which is passed to `createHttpApp`. Codes are stable and public.
 */
export const COMMON_PROBLEMS = {
  VALIDATION_FAILED: { status: 400, title: 'The request is not valid' },
  UNAUTHENTICATED: { status: 401, title: 'Authentication is needed' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  NOT_FOUND: { status: 404, title: 'Nothing here' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  IDEMPOTENCY_IN_FLIGHT: { status: 409, title: 'A request with this key is still at work' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large' },
  URI_TOO_LONG: { status: 414, title: 'The path is too long' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'The body is not JSON' },
  EXPECTATION_FAILED: { status: 417, title: 'The expectation cannot be met' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large' },
  INTERNAL_ERROR: { status: 500, title: 'Something went wrong' },
  SERVICE_UNAVAILABLE: { status: 503, title: 'Not available for the moment' },
} as const satisfies ProblemTable;

export type CommonProblem = keyof typeof COMMON_PROBLEMS;

/** The position of a wrong value in the request: `items.0.quantity`. */
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

/**
 * A refusal for the caller: a code, the details of this case, further members. It has no HTTP status. Without a type
 * argument the code is a common one. A service's own code needs the type of that service's table
 * (`DomainError<CatalogProblem>`), so that a code outside of every table does not compile.
 */
export class DomainError<Code extends string = CommonProblem> extends Error {
  override readonly name = 'DomainError';
  readonly code: Code;
  readonly detail: string | undefined;
  readonly extra: DomainErrorExtra;

  constructor(code: NoInfer<Code>, detail?: string, extra: DomainErrorExtra = {}) {
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
  readonly code: string;
  readonly detail?: string;
  readonly traceId?: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
}

/**
 * The error shown to the caller. An unexpected error reveals no internals; a code that is neither in `own` nor in the
 * common table is unexpected.
 */
export function toDomainError(error: unknown, own: ProblemTable = {}): DomainError<string> {
  if (error instanceof DomainError && find(error.code, own)) return error;
  if (error instanceof OutageError || (isOutage(error) && !isSqlMistake(error))) {
    return new DomainError('SERVICE_UNAVAILABLE', 'The service cannot answer for the moment.');
  }
  return new DomainError('INTERNAL_ERROR', 'The error has been recorded under the traceId.');
}

/**
 * The problem body of `error`, and its headers.
 * @param own the service's codes besides the common ones
 * @throws {Error} when neither table has the code
 */
export function renderProblem(
  error: DomainError<string>,
  traceId?: string,
  own: ProblemTable = {},
): { body: Problem; headers: Record<string, string> } {
  const known = find(error.code, own);
  if (!known) throw new Error(`no table of problems has the code ${error.code}`);
  const { status, title } = known;
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

function find(code: string, own: ProblemTable): ProblemTable[string] | undefined {
  const tables: readonly ProblemTable[] = [own, COMMON_PROBLEMS];
  return tables.find((table) => Object.hasOwn(table, code))?.[code];
}
