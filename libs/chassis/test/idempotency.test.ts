import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  claimIdempotencyKeys,
  type IdempotencyClaim,
  purgeIdempotencyKeys,
  releaseIdempotencyKeys,
  requestHash,
} from '../src/index.ts';
import { type TestDatabase, uniqueSchemaDatabase } from '../src/testing/index.ts';

const SQL = readFileSync(new URL('../sql/idempotency.sql', import.meta.url), 'utf8');

let test: TestDatabase;
beforeAll(async () => {
  test = await uniqueSchemaDatabase([SQL, 'CREATE TABLE effect (request_id CHAR(36) PRIMARY KEY)']);
});
afterAll(() => test.drop());
beforeEach(() => test.database.execute('DELETE FROM idempotency_key'));

let sequence = 0;
function claim(key: string, body: unknown = {}, userId = 1): IdempotencyClaim {
  const requestId = `00000000-0000-7000-8000-${String(++sequence).padStart(12, '0')}`;
  return { userId, scope: 'POST /orders', key, requestHash: requestHash(body), requestId };
}
const claimAll = (...claims: IdempotencyClaim[]) => test.database.transaction((tx) => claimIdempotencyKeys(tx, claims));

describe('idempotency keys', () => {
  it('when a key is new, repeated, or used for another body, then it is new, a replay of the first, or a mismatch', async () => {
    const first = claim('k');
    const repeat = claim('k');
    const other = claim('k', { a: 1 });
    const otherUser = claim('k', {}, 2);
    expect(await claimAll(first)).toEqual(new Map([[first.requestId, { kind: 'new' }]]));
    expect(await claimAll(repeat, other, otherUser)).toEqual(
      new Map([
        [repeat.requestId, { kind: 'replay', requestId: first.requestId }],
        [other.requestId, { kind: 'mismatch' }],
        [otherUser.requestId, { kind: 'new' }],
      ]),
    );
  });

  it('when keys differ only in case or punctuation, then they are different keys', async () => {
    const outcomes = await claimAll(claim('key'), claim('KEY'), claim('k-ey'), claim('key_'));
    expect([...outcomes.values()]).toEqual([{ kind: 'new' }, { kind: 'new' }, { kind: 'new' }, { kind: 'new' }]);
  });

  it('when one batch has a key several times, then the first wins and the others are its replays or mismatches', async () => {
    const [a, b, c] = [claim('k'), claim('k'), claim('k', { other: true })];
    expect(await claimAll(a, b, c)).toEqual(
      new Map([
        [a.requestId, { kind: 'new' }],
        [b.requestId, { kind: 'replay', requestId: a.requestId }],
        [c.requestId, { kind: 'mismatch' }],
      ]),
    );
  });

  it('when the effect is refused, then the key given back is new again, and only the owner can give it back', async () => {
    const refused = claim('k');
    await test.database.transaction(async (tx) => {
      await claimIdempotencyKeys(tx, [refused]);
      await releaseIdempotencyKeys(tx, [refused]);
    });
    const owner = claim('k');
    expect((await claimAll(owner)).get(owner.requestId)).toEqual({ kind: 'new' });
    await test.database.transaction((tx) => releaseIdempotencyKeys(tx, [claim('k')]));
    const repeat = claim('k');
    expect((await claimAll(repeat)).get(repeat.requestId)).toEqual({ kind: 'replay', requestId: owner.requestId });
  });

  it('when another transaction holds the key, then the claim waits: a replay after its commit, new after its rollback', async () => {
    for (const commits of [true, false]) {
      const key = `held-${commits}`;
      const end = Promise.withResolvers<void>();
      const claimed = Promise.withResolvers<void>();
      const first = claim(key);
      const holder = test.database
        .transaction(async (tx) => {
          await claimIdempotencyKeys(tx, [first]);
          claimed.resolve();
          await end.promise;
          if (!commits) throw new Error('rolled back');
        })
        .catch(() => undefined);
      await claimed.promise;
      const repeat = claim(key);
      const waiting = claimAll(repeat);
      setTimeout(end.resolve, 100);
      await holder;
      expect((await waiting).get(repeat.requestId)).toEqual(
        commits ? { kind: 'replay', requestId: first.requestId } : { kind: 'new' },
      );
    }
  });

  it('when the holder takes longer than the lock time-out, then the claim is in flight', async () => {
    const end = Promise.withResolvers<void>();
    const claimed = Promise.withResolvers<void>();
    const holder = test.database.transaction(async (tx) => {
      await claimIdempotencyKeys(tx, [claim('k')]);
      claimed.resolve();
      await end.promise;
    });
    await claimed.promise;
    const second = test.database.transaction(async (tx) => {
      await tx.execute('SET SESSION innodb_lock_wait_timeout = 1');
      return claimIdempotencyKeys(tx, [claim('k')]);
    });
    await expect(second).rejects.toMatchObject({ code: 'IDEMPOTENCY_IN_FLIGHT' });
    end.resolve();
    await holder;
  });

  it('when many transactions claim the same keys in any order at once, then each key has one effect', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    await Promise.all(
      Array.from({ length: 30 }, (_, worker) => {
        const claims = keys.map((key) => claim(key)).sort(() => (worker % 2 ? -1 : 1));
        return test.database.transaction(async (tx) => {
          const outcomes = await claimIdempotencyKeys(tx, claims);
          for (const [requestId, outcome] of outcomes) {
            if (outcome.kind === 'new') await tx.execute('INSERT INTO effect VALUES (?)', [requestId]);
          }
        });
      }),
    );
    const [row] = await test.database.query<{ n: number }>('SELECT COUNT(*) AS n FROM effect');
    expect(row?.n).toBe(keys.length);
  });

  it('when a scope or key does not fit its column, then it is refused rather than truncated', async () => {
    await expect(claimAll(claim('k '))).rejects.toThrow(RangeError);
    await expect(claimAll({ ...claim('k'), scope: 'x'.repeat(192) })).rejects.toThrow(RangeError);
  });

  it('when keys are older than 48 h, then the purge removes those and no others', async () => {
    const now = new Date('2026-03-03T12:00:00.000Z');
    const at = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
    await test.database.transaction(async (tx) => {
      for (const hours of [1, 47, 49, 50, 51]) await claimIdempotencyKeys(tx, [claim(`h${hours}`)], at(hours));
    });
    expect(await purgeIdempotencyKeys(test.database, { now, chunk: 2 })).toBe(3);
    const left = await test.database.query('SELECT idem_key AS k FROM idempotency_key ORDER BY 1');
    expect(left).toEqual([{ k: 'h1' }, { k: 'h47' }]);
  });
});
