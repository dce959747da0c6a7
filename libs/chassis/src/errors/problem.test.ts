import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ANYBODY, NOBODY } from '../callers/index.ts';
import { parse, userIdFrom } from '../http/index.ts';
import { OutageError } from './outage.ts';
import { DomainError, renderProblem, toDomainError } from './problem.ts';
import { CommitOutcomeUnknownError, DatabaseUnavailableError } from './sql-error.ts';

const sqlError = (errno: number, sqlState: string) => Object.assign(new Error('secret SQL'), { errno, sqlState });

describe('problems', () => {
  it('when a domain error has members, then they are in the body with status, title and trace', () => {
    const own = { OUT_OF_STOCK: { status: 409, title: 'Out of stock' } };
    const error = new DomainError<keyof typeof own>('OUT_OF_STOCK', 'Product 1.', { productId: 1 });
    const { body, headers } = renderProblem(error, 't1', own);
    expect(body).toEqual({
      type: 'urn:problem:shop:out-of-stock',
      title: 'Out of stock',
      status: 409,
      code: 'OUT_OF_STOCK',
      detail: 'Product 1.',
      traceId: 't1',
      productId: 1,
    });
    expect(headers).toEqual({});
  });

  it('when a code is in no table, then it does not compile without a type, and is unexpected', () => {
    // @ts-expect-error: the code is not a common one
    const error = new DomainError('OUT_OF_STOCK');
    expect(toDomainError(error).code).toBe('INTERNAL_ERROR');
    expect(toDomainError(error, { OUT_OF_STOCK: { status: 409, title: 'Out of stock' } })).toBe(error);
    expect(() => renderProblem(error)).toThrow('no table of problems has the code OUT_OF_STOCK');
  });

  it.each([
    new DatabaseUnavailableError('away'),
    new OutageError('the registry is away'),
    new CommitOutcomeUnknownError('lost'),
    sqlError(45028, 'HY000'),
    sqlError(1205, 'HY000'),
  ])('when the database or another dependency is away (%s), then it is 503 with Retry-After', (error) => {
    const { body, headers } = renderProblem(toDomainError(error));
    expect(body).toMatchObject({ status: 503, code: 'SERVICE_UNAVAILABLE' });
    expect(headers).toEqual({ 'Retry-After': '1' });
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it.each([new Error('secret'), sqlError(1064, '42000'), sqlError(1062, '23000'), 'secret', undefined])(
    'when an error is unexpected (%s), then it is 500 and says nothing of it',
    (error) => {
      const { body } = renderProblem(toDomainError(error));
      expect(body).toMatchObject({ status: 500, code: 'INTERNAL_ERROR' });
      expect(JSON.stringify(body)).not.toContain('secret');
    },
  );
});

describe('validation', () => {
  const schema = z.strictObject({ items: z.array(z.strictObject({ quantity: z.number().int().min(1) })) });

  it('when values are wrong or unknown, then each is in errors by its path', () => {
    const attempt = () => parse(schema, { items: [{ quantity: 0 }], extra: 1, __proto__x: 2 });
    expect(attempt).toThrow(DomainError);
    try {
      attempt();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'VALIDATION_FAILED',
        extra: {
          errors: [
            { path: 'items.0.quantity', message: expect.any(String) },
            { path: 'extra', message: 'unknown field' },
            { path: '__proto__x', message: 'unknown field' },
          ],
        },
      });
    }
  });

  it('when there is no body, then it is a validation problem', () => {
    expect(() => parse(schema, undefined)).toThrow(/VALIDATION_FAILED/);
  });

  it('when authentication is off, then the request names its user, the body before the query', () => {
    expect(userIdFrom({ caller: ANYBODY, body: { userId: 7 }, query: { userId: '8' } })).toBe(7);
    expect(userIdFrom({ caller: ANYBODY, query: { userId: '8' } })).toBe(8);
  });

  it('when a token names the user, then the request need not, and may not name another', () => {
    const caller = { user: 7, scopes: [] };
    expect(userIdFrom({ caller })).toBe(7);
    expect(userIdFrom({ caller, body: { userId: 7 }, query: { userId: '7' } })).toBe(7);
    for (const request of [
      { body: { userId: 8 } },
      { query: { userId: '8' } },
      { body: { userId: 7 }, query: { userId: '8' } },
      { body: { userId: 8 }, query: { userId: '7' } },
    ])
      expect(() => userIdFrom({ caller, ...request })).toThrow(/FORBIDDEN/);
    expect(() => userIdFrom({ caller, query: { userId: '7x' } })).toThrow(/VALIDATION_FAILED/);
  });

  it('when the caller is unknown, then a userId makes no difference', () => {
    expect(() => userIdFrom({ caller: NOBODY, body: { userId: 7 } })).toThrow(/UNAUTHENTICATED/);
    expect(() => userIdFrom({ body: { userId: 7 } })).toThrow(/UNAUTHENTICATED/);
  });

  it.each([
    {},
    { body: { userId: 0 } },
    { body: { userId: 1.5 } },
    { body: { userId: '1' } },
    { query: { userId: '-1' } },
    { query: { userId: '9007199254740993' } },
    { query: { userId: '9007199254740991' } },
    { query: { userId: ['1', '2'] } },
  ])('when the user is missing or no positive safe integer (%j), then it is refused', (request) => {
    expect(() => userIdFrom({ caller: ANYBODY, ...request })).toThrow(/VALIDATION_FAILED: userId/);
  });
});
