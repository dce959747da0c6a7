import { describe, expect, it } from '@jest/globals';
import { findIdempotencyKeys, idempotencyKeyFrom, purgeIdempotencyKeys, requestHash } from './idempotency.ts';

describe('idempotency', () => {
  it('when members come in another order, then the hash is the same; another value, another hash', () => {
    const one = requestHash({ a: 1, items: [{ x: 1, y: 'ü' }], n: null });
    expect(requestHash({ n: null, items: [{ y: 'ü', x: 1 }], a: 1, absent: undefined })).toBe(one);
    expect(requestHash({ a: 1, items: [{ x: 2, y: 'ü' }], n: null })).not.toBe(one);
    expect(requestHash({ at: new Date(1) })).not.toBe(requestHash({ at: new Date(2) }));
    expect(requestHash(undefined)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('when the header is valid or absent, then it gives the key or nothing', () => {
    expect(idempotencyKeyFrom({ headers: { 'idempotency-key': 'k'.repeat(255) } })).toHaveLength(255);
    expect(idempotencyKeyFrom({ headers: {} })).toBeUndefined();
  });

  it.each(['', 'k'.repeat(256), 'a b', 'käse', 'a\u0000'])('when the header is "%s", then it is refused', (key) => {
    expect(() => idempotencyKeyFrom({ headers: { 'idempotency-key': key } })).toThrow(/VALIDATION_FAILED/);
  });

  it('when the process stops, then a long purge ends after its current step', async () => {
    const stopping = new AbortController();
    const database = {
      clock: { now: Date.now, date: () => new Date() },
      async execute() {
        stopping.abort();
        return { affectedRows: 10, insertId: 0 };
      },
    };
    expect(await purgeIdempotencyKeys(database, { chunk: 10, signal: stopping.signal })).toBe(10);
  });

  it('when a key is looked up, then it is new, a replay, or of another body', async () => {
    const claim = { userId: 7, scope: 'POST /orders', key: 'k', requestHash: 'h' };
    const looked = async (rows: readonly object[]) => {
      const database = { query: async () => rows as never, execute: () => Promise.reject(new Error('no')) };
      const [outcome] = await findIdempotencyKeys(database, [claim]);
      return outcome;
    };
    expect(await looked([])).toEqual({ kind: 'new' });
    expect(await looked([{ ...claim, requestId: 'r' }])).toEqual({ kind: 'replay', requestId: 'r' });
    expect(await looked([{ ...claim, requestHash: 'x', requestId: 'r' }])).toEqual({ kind: 'mismatch' });
  });
});
