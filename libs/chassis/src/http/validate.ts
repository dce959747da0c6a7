import { z } from 'zod';
import { type Called, NOBODY } from '../callers/index.ts';
import { DomainError, type FieldError } from '../errors/index.ts';

/** The value as parsed by `schema`. Throws `VALIDATION_FAILED` with one entry in `errors` for each fault. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(toFieldErrors);
  const first = errors[0];
  throw new DomainError('VALIDATION_FAILED', first && `${first.path || 'body'}: ${first.message}`, { errors });
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, 20)
      .map((key) => ({ path: [...path, key].join('.').slice(0, 200), message: 'unknown field' }));
  }
  return [{ path: path.join('.'), message: issue.message }];
}

/** The largest whole number that an event can carry: avsc excludes the last of the safe integers. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER - 1;

/** A user's id: a positive whole number that an event can carry. */
export const userIdSchema = z
  .number()
  .int()
  .positive()
  .max(MAX_INTEGER)
  .describe("a user's id; with authentication it may be left out, and must be that of the token");

/** `userId` of a query, which `userIdFrom` checks. */
export const userIdQuery = z.string().optional().meta({
  type: 'integer',
  minimum: 1,
  description: 'whose; with authentication it may be left out, and must be that of the token',
});

/** The query of an operation that asks for nothing but whose. */
export const userQuery = z.strictObject({ userId: userIdQuery });

/**
 * The user a request is about: the user of its token, and no other. Where authentication is off: `userId` of the body,
 * else of the query (then as decimal text). Throws UNAUTHENTICATED without a user, FORBIDDEN when `userId` is another
 * user's, VALIDATION_FAILED when it is missing or not an id (`userIdSchema`).
 */
export function userIdFrom(request: Called): number {
  const { user } = request.caller ?? NOBODY;
  if (user === 'nobody') throw new DomainError('UNAUTHENTICATED', 'A token is needed.');
  const inBody = (request.body as { userId?: unknown } | undefined)?.userId;
  const inQuery = fromDecimal((request.query as { userId?: unknown } | undefined)?.userId);
  if (user === 'anybody') return toUserId(inBody ?? inQuery);
  for (const given of [inBody, inQuery]) {
    if (given !== undefined && toUserId(given) !== user)
      throw new DomainError('FORBIDDEN', 'userId is not that of the token.');
  }
  return user;
}

function fromDecimal(text: unknown): unknown {
  return typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : text;
}

function toUserId(given: unknown): number {
  const result = userIdSchema.safeParse(given);
  if (result.success) return result.data;
  const message = given === undefined ? 'required' : 'expected a positive integer';
  throw new DomainError('VALIDATION_FAILED', `userId: ${message}`, { errors: [{ path: 'userId', message }] });
}
