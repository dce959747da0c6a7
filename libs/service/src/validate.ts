import { z } from 'zod';
import { DomainError, type FieldError } from './problem.ts';

/** The value as `schema` understands it. Throws `VALIDATION_FAILED` with one entry in `errors` for each fault. */
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

/** The largest whole number that an event can carry: avsc leaves out the last of the safe integers. */
export const MAX_INTEGER = Number.MAX_SAFE_INTEGER - 1;

/** A user's id: a positive whole number that an event can carry. */
export const userIdSchema = z.number().int().positive().max(MAX_INTEGER);

/**
 * Who is asking: `userId` of the body, else of the query (then as decimal text).
 * Throws `VALIDATION_FAILED` when there is none or it is not an id (`userIdSchema`).
 */
export function userIdFrom(request: { readonly body?: unknown; readonly query?: unknown }): number {
  const inBody = (request.body as { userId?: unknown } | undefined)?.userId;
  const inQuery = (request.query as { userId?: unknown } | undefined)?.userId;
  const given = inBody ?? (typeof inQuery === 'string' && /^\d{1,16}$/.test(inQuery) ? Number(inQuery) : inQuery);
  const result = userIdSchema.safeParse(given);
  if (result.success) return result.data;
  const message = given === undefined ? 'required' : 'expected a positive integer';
  throw new DomainError('VALIDATION_FAILED', `userId: ${message}`, { errors: [{ path: 'userId', message }] });
}
