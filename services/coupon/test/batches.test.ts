import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type ItemResult, type PooledDatabase, type Transaction, type Transactor } from '@shop/chassis';
import { lazyPrisma } from '@shop/chassis/prisma';
import { migratedSchema, noting, type TestDatabase } from '@shop/chassis/testing';
import { v7 as uuidv7 } from 'uuid';
import { createCouponReads } from '../src/db/coupon-reads.ts';
import { sqlCouponStore } from '../src/db/coupon-store.ts';
import { expireCoupons, purgeRequests } from '../src/db/housekeeping.ts';
import { createRevocationStore, sqlPolicyEndStore } from '../src/db/policy-end-store.ts';
import { sqlPolicyStore } from '../src/db/policy-store.ts';
import { sqlRequestStore } from '../src/db/request-store.ts';
import type { IssueOutcome } from '../src/domain/issue.ts';
import { createEndPolicy } from '../src/usecases/end-policy.ts';
import { createIssueCoupons } from '../src/usecases/issue-coupons.ts';
import { createRevokeCoupons } from '../src/usecases/revoke-coupons.ts';
import { wonOff } from './examples.ts';

let schema: TestDatabase;
let second: PooledDatabase;

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
  second = createDatabase({ url: schema.url });
});
afterAll(async () => {
  await second?.close();
  await schema?.drop();
});

const outbox = { append: async () => {} };
const writerOn = (transactor: Transactor<Transaction>) =>
  createIssueCoupons({ transactor, store: sqlCouponStore, outbox, onIssued: () => {} });

function newPolicy(totalQuantity: number): Promise<number> {
  const policy = { name: 'p', discount: wonOff(100), totalQuantity, validDays: 1, startsAt: null, endsAt: null };
  return schema.database.transaction((tx) => sqlPolicyStore.insert(tx, policy, uuidv7(), new Date()));
}
let lastUser = 0;
const requests = (couponPolicyId: number, count: number) =>
  Array.from({ length: count }, () => ({ requestId: uuidv7(), userId: ++lastUser, couponPolicyId }));
const kinds = (results: readonly ItemResult<IssueOutcome>[]) => results.map((it) => (it.ok ? it.value.kind : 'ERROR'));
const counters = (couponPolicyId: number) =>
  schema.database.query<{ counter: number; rows_: number }>(
    `SELECT issued_count AS counter, (SELECT COUNT(*) FROM coupons WHERE coupon_policy_id = ?) AS rows_
       FROM coupon_policies WHERE coupon_policy_id = ?`,
    [couponPolicyId, couponPolicyId],
  );

describe('the writer', () => {
  it('when one or five hundred requests wait, for one or three policies, then the writer takes the same four statements', async () => {
    const policies = [await newPolicy(1_000), await newPolicy(1_000), await newPolicy(1_000)];
    const count = async (batch: ReturnType<typeof requests>) => {
      const statements: string[] = [];
      const { database } = schema;
      const results = await writerOn({
        transaction: (work) => database.transaction((tx) => work(noting(tx, statements))),
      })(batch);
      expect(new Set(kinds(results))).toEqual(new Set(['ISSUED']));
      return statements.length;
    };
    expect(await count(requests(policies[0] ?? 0, 1))).toBe(4);
    expect(await count(policies.flatMap((id) => requests(id, 166)))).toBe(4);
  });

  it('when two instances write at once, then together they issue exactly the quantity', async () => {
    const [a, b] = [await newPolicy(100), await newPolicy(7)];
    const writers = [writerOn(schema.database), writerOn(second)];
    const batches = Array.from({ length: 12 }, (_, n) =>
      // The policies come in either order; their locks are taken in the order of the ids.
      n % 2 === 0 ? [...requests(a, 10), ...requests(b, 10)] : [...requests(b, 10), ...requests(a, 10)],
    );
    const results = await Promise.all(batches.map((batch, n) => writers[n % 2]?.(batch) ?? []));
    const all = results.flatMap(kinds);
    expect(all.filter((kind) => kind === 'ISSUED')).toHaveLength(107);
    expect(all.filter((kind) => kind === 'SOLD_OUT')).toHaveLength(133);
    expect(await counters(a)).toEqual([{ counter: 100, rows_: 100 }]);
    expect(await counters(b)).toEqual([{ counter: 7, rows_: 7 }]);
  });

  it('when the same user asks at both instances at once, then there is one coupon', async () => {
    const id = await newPolicy(100);
    const userId = ++lastUser;
    const batch = () => [{ requestId: uuidv7(), userId, couponPolicyId: id }];
    const writers = [schema.database, second, schema.database, second].map(writerOn);
    const results = await Promise.all(writers.map((write) => write(batch())));
    expect(results.flatMap(kinds).sort()).toEqual(['ISSUED', 'OWNED', 'OWNED', 'OWNED']);
    expect(await counters(id)).toEqual([{ counter: 1, rows_: 1 }]);
  });
});

describe('housekeeping', () => {
  it('when coupons are past their time, then two instances expire each once, and used ones stay', async () => {
    const id = await newPolicy(2_000);
    await writerOn(schema.database)(requests(id, 1_200));
    const used = `UPDATE coupons SET status = 'USED', order_id = coupon_id, used_at = issued_at WHERE coupon_policy_id = ? LIMIT 3`;
    await schema.database.execute(used, [id]);
    expect(await expireCoupons(schema.database, new Date())).toBe(0);
    const [due] = await schema.database.query<{ n: number }>(
      `SELECT COUNT(*) AS n FROM coupons WHERE status = 'ISSUED'`,
    );
    const later = new Date(Date.now() + 86_400_000 + 1_000);
    const counts = await Promise.all([expireCoupons(schema.database, later), expireCoupons(second, later)]);
    const byStatus = await schema.database.query(
      'SELECT status, COUNT(*) AS n FROM coupons WHERE coupon_policy_id = ? GROUP BY status ORDER BY status',
      [id],
    );
    expect(byStatus).toEqual([
      { status: 'EXPIRED', n: 1_197 },
      { status: 'USED', n: 3 },
    ]);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(due?.n);
  });

  it('when requests were decided eight days ago, then they are removed; undecided, new and lately decided ones stay', async () => {
    const id = await newPolicy(1);
    const DAY_MS = 86_400_000;
    const old = new Date(Date.now() - 8 * DAY_MS);
    const [waiting, decided] = [requests(id, 1), requests(id, 600)];
    // Redriven after a week as a dead letter.
    const [fresh, redriven] = [requests(id, 1), requests(id, 1)];
    await schema.database.transaction(async (tx) => {
      await sqlRequestStore.insertPending(tx, [...waiting, ...decided, ...redriven], old);
      await sqlRequestStore.insertPending(tx, fresh, new Date());
      const soldOut = (of: typeof decided) => of.map((it) => ({ ...it, status: 'SOLD_OUT' as const, couponId: null }));
      await sqlRequestStore.saveOutcomes(tx, soldOut(decided), old);
      await sqlRequestStore.saveOutcomes(tx, soldOut([...fresh, ...redriven]), new Date());
    });
    expect(await purgeRequests(schema.database, new Date())).toBe(600);
    const left = await schema.database.query<{ id: string }>('SELECT request_id AS id FROM coupon_requests');
    expect(left.map((it) => it.id).sort()).toEqual(
      [...waiting, ...fresh, ...redriven].map((it) => it.requestId).sort(),
    );
  });
});

describe('revoking', () => {
  const ends = sqlPolicyEndStore;
  const endOf = (couponPolicyId: number) =>
    createEndPolicy({ transactor: schema.database, ends, outbox, now: () => new Date() })({
      ...{ requestId: uuidv7(), couponPolicyId, reason: 'a test', revoke: true },
    });
  const revoker = (transactor: Transactor<Transaction>, batch?: number) =>
    createRevokeCoupons({
      ...{ transactor, now: () => new Date(), revocations: createRevocationStore(schema.database) },
      ...(batch ? { batch } : {}),
    });
  const states = (id: number) =>
    schema.database.query(
      `SELECT status, revoked_at IS NOT NULL AS marked, COUNT(*) AS n FROM coupons WHERE coupon_policy_id = ?
        GROUP BY status, marked ORDER BY status`,
      [id],
    );

  it('when it breaks off between two batches, then the next run, in two instances, revokes the rest, each once', async () => {
    const id = await newPolicy(1_300);
    await writerOn(schema.database)(requests(id, 1_300));
    const used = `UPDATE coupons SET status = 'USED', order_id = coupon_id, used_at = issued_at WHERE coupon_policy_id = ? LIMIT 3`;
    await schema.database.execute(used, [id]);
    await schema.database.execute(
      `UPDATE coupons SET status = 'EXPIRED' WHERE coupon_policy_id = ? AND status = 'ISSUED' LIMIT 2`,
      [id],
    );
    await endOf(id);
    let transactions = 0;
    const breaking: Transactor<Transaction> = {
      transaction: (work) => {
        if (++transactions === 3) throw new Error('broken off');
        return schema.database.transaction(work);
      },
    };
    await expect(revoker(breaking)()).rejects.toThrow('broken off');
    expect(await states(id)).toContainEqual({ status: 'ISSUED', marked: 0, n: 300 });
    const counts = await Promise.all([revoker(schema.database, 50)(), revoker(second, 70)()]);
    expect(counts.reduce((sum, it) => sum + it, 0)).toBe(300);
    expect(await states(id)).toEqual([
      { status: 'REVOKED', marked: 1, n: 1_297 },
      { status: 'USED', marked: 1, n: 3 },
    ]);
    expect((await endOf(id)).revocation).toMatchObject({ revokedCount: 1_297, doneAt: expect.any(Date) });
    expect(await revoker(schema.database)()).toBe(0);
  });
});

describe('own coupons', () => {
  it('when several users read their coupons at once, then one statement reads all, and each gets their own page', async () => {
    const { database } = schema;
    const policies = [await newPolicy(10), await newPolicy(10), await newPolicy(10)];
    const [ann, bob] = [++lastUser, ++lastUser];
    for (const couponPolicyId of policies) {
      for (const userId of [ann, bob]) await writerOn(database)([{ requestId: uuidv7(), userId, couponPolicyId }]);
    }
    const statements: string[] = [];
    const prisma = lazyPrisma(database, () => import('../src/db/generated/client.ts'));
    const reads = createCouponReads(prisma, {
      execute: database.execute,
      query: (sql, params) => {
        statements.push(sql);
        return database.query(sql, params);
      },
    });
    const wish = (userId: number, take: number, more = {}) => {
      return { userId, before: undefined, status: undefined, take, now: new Date(), ...more };
    };
    const [all = [], two = [], none] = await reads.listCoupons([wish(ann, 10), wish(bob, 2), wish(++lastUser, 10)]);
    expect(all.map((it) => it.couponPolicyId)).toEqual(policies.toReversed());
    expect(two.map((it) => it.couponPolicyId)).toEqual(policies.toReversed().slice(0, 2));
    expect(none).toEqual([]);
    expect(Object.keys(all[0] ?? {})).not.toContain('part');
    const [rest = [], used] = await reads.listCoupons([
      wish(bob, 10, { before: two[1]?.couponId }),
      wish(ann, 10, { status: 'USED' }),
    ]);
    expect([rest.map((it) => it.couponPolicyId), used]).toEqual([[policies[0]], []]);
    expect(statements).toHaveLength(2);
    await prisma.close();
  });
});
