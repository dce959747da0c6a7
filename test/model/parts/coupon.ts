import { type Database, insertRows, type Transaction } from '@shop/chassis';
import { sqlCouponStore } from '../../../services/coupon/src/db/coupon-store.ts';
import { createRevocationStore, sqlPolicyEndStore } from '../../../services/coupon/src/db/policy-end-store.ts';
import { sqlRedemptionStore } from '../../../services/coupon/src/db/redemption-store.ts';
import { sqlRequestStore } from '../../../services/coupon/src/db/request-store.ts';
import { decideBatch, keysOf, type Snapshot } from '../../../services/coupon/src/domain/batch.ts';
import { decideIssues } from '../../../services/coupon/src/domain/issue.ts';
import type { Policy } from '../../../services/coupon/src/domain/policy.ts';
import { decideEnd, type PolicyEnd } from '../../../services/coupon/src/domain/policy-end.ts';
import { type RedeemableCoupon, revoke, type SagaEvent } from '../../../services/coupon/src/domain/redemption.ts';
import type { Holder } from '../../../services/coupon/src/usecases/door.ts';
import type { PolicyEndStore } from '../../../services/coupon/src/usecases/end-policy.ts';
import type { CouponStore } from '../../../services/coupon/src/usecases/issue-coupons.ts';
import type { RedemptionStore } from '../../../services/coupon/src/usecases/redeem-coupons.ts';
import type { RequestStore } from '../../../services/coupon/src/usecases/request-issue.ts';
import type { RevocationStore } from '../../../services/coupon/src/usecases/revoke-coupons.ts';
import { createMemoryCouponStore, createMemoryRequestStore } from '../../simulation/memory-coupon-store.ts';
import { createMemoryEndStore, createMemoryRevocationStore } from '../../simulation/memory-policy-end-store.ts';
import { CouponTables, createMemoryRedemptionStore } from '../../simulation/memory-redemption-store.ts';
import type { Compared } from '../compare.ts';
import { AT, clear, eventOf, rowsOf } from '../rows.ts';
import { type Call, type Drawing, idOf, numberOf, someOf } from '../script.ts';

interface Ports {
  readonly coupons: CouponStore<Transaction>;
  readonly redemptions: RedemptionStore<Transaction>;
  readonly requests: RequestStore<Transaction>;
  readonly ends: PolicyEndStore<Transaction>;
  readonly revocations: RevocationStore<Transaction>;
}

const AMOUNT = { kind: 'amount', amount: 5 } as const;
const LATER = new Date('2099-01-01T00:00:00Z');
/** Users 1 and 2 have coupon 1 and 2 of policy 1 at first, of 4; policy 2 has 2 coupons and nobody has one. */
const QUANTITIES = [4, 2];
const HELD = [1, 2];

const couponId = (space: number, user: number) => idOf(space, 2, user);

/** As in issue-coupons.ts. */
function issue({ random, space }: Drawing): Call<Ports>[] {
  const policies = someOf(random, [1, 2], random.pick([1, 1, 2]));
  const requests = policies.flatMap((policy) =>
    someOf(random, [1, 2, 3, 4], random.int(1, 2)).map((user) => ({
      ...{ requestId: idOf(space, 3, policy * 64 + user * 8 + random.int(0, 1)), userId: numberOf(space, user) },
      couponPolicyId: numberOf(space, policy),
    })),
  );
  const policyIds = [...new Set(requests.map((it) => it.couponPolicyId))].sort((a, b) => a - b);
  const words = requests.map((it) => `policy ${it.couponPolicyId % 100} user ${it.userId % 100}`).join(', ');
  return [
    {
      label: `lock policies ${policies}`,
      async run({ coupons }, tx, notes) {
        const found = await coupons.lockPolicies(tx, policyIds);
        notes.set('policies', found);
        return found.map(policyOf);
      },
    },
    {
      label: `who has one: ${words}`,
      async run({ coupons }, tx, notes) {
        const owned = await coupons.findOwned(tx, requests);
        notes.set('owned', owned);
        return new Set(owned.map((it) => it.couponId));
      },
    },
    {
      label: `issue ${words}`,
      async run({ coupons, requests: asked }, tx, notes) {
        const found = (notes.get('policies') ?? []) as Policy[];
        const { issued } = decideIssues(found, (notes.get('owned') ?? []) as RedeemableCoupon[], requests, true);
        if (issued.length > 0) await coupons.insertIssued(tx, issued);
        const decided = requests.map((it) => ({ ...it, status: 'SOLD_OUT' as const, couponId: null }));
        await asked.saveOutcomes(tx, decided, AT);
        return issued.map((it) => it.couponId);
      },
    },
  ];
}

function policyOf({ couponPolicyId, totalQuantity, issuedCount, endedAt }: Policy) {
  return { couponPolicyId, totalQuantity, issuedCount, endedAt };
}

function accept({ random, space }: Drawing): Call<Ports>[] {
  const userIds = someOf(random, [1, 2, 3], 2);
  const requests = userIds.map((user) => ({
    ...{ requestId: idOf(space, 3, 64 + user * 8), userId: numberOf(space, user), couponPolicyId: numberOf(space, 1) },
  }));
  return [
    { label: `accept the requests of ${userIds}`, run: ({ requests: own }, tx) => own.insertPending(tx, requests, AT) },
  ];
}

/** As in redeem-coupons.ts: load → decide → save. */
function redeem({ random, space }: Drawing): Call<Ports>[] {
  const orders = someOf(random, [1, 2, 3], random.pick([1, 1, 2, 3]));
  const events = orders.map((order): SagaEvent => {
    const user = 1 + (order % 2);
    const named = random.chance(0.9) ? couponId(space, user) : couponId(space, 9);
    const of = { orderId: idOf(space, 1, order), userId: numberOf(space, user), couponId: named };
    return random.chance(0.6)
      ? eventOf('stock-reserved', { ...of, lines: [], totalAmount: 100 })
      : eventOf('order-cancelled', { ...of, lines: [], reason: 'USER', wasCompleted: false, completedAt: null });
  });
  const words = events.map((it) => `${it.type} ${it.data.orderId.slice(-1)}`).join(', ');
  return [
    {
      label: `load for ${words}`,
      async run({ redemptions }, tx, notes) {
        const snapshot = await redemptions.load(tx, keysOf(events));
        notes.set('snapshot', snapshot);
        return {
          redemptions: snapshot.redemptions,
          coupons: new Map([...snapshot.coupons].map(([id, it]) => [id, it.status])),
        };
      },
    },
    {
      label: `save ${words}`,
      async run({ redemptions }, tx, notes) {
        const loaded = notes.get('snapshot') as Snapshot | undefined;
        if (!loaded) return 'nothing is loaded';
        const { changes } = decideBatch(loaded, events, AT);
        await redemptions.save(tx, changes);
        return [...changes.created, ...changes.changed].map(({ orderId, status }) => ({ orderId, status }));
      },
    },
  ];
}

/** As in end-policy.ts. */
function end({ random, space }: Drawing): Call<Ports>[] {
  const policy = random.int(1, 2);
  const wish = {
    ...{ requestId: idOf(space, 4, random.int(1, 4)), couponPolicyId: numberOf(space, policy) },
    ...{ reason: 'r', revoke: random.chance(0.6) },
  };
  return [
    {
      label: `lock policy ${policy}`,
      async run({ ends }, tx, notes) {
        const [found] = await ends.lockPolicies(tx, [wish.couponPolicyId]);
        notes.set('policy', found);
        return found ? policyOf(found) : 'none';
      },
    },
    {
      label: `end policy ${policy}${wish.revoke ? ', with its coupons' : ''}`,
      async run({ ends }, tx, notes) {
        const found = notes.get('policy') as Policy | undefined;
        if (!found) return 'none';
        const made = decideEnd(found, await ends.findEnds(tx, wish.couponPolicyId), wish, AT);
        if (!made) return 'ended before';
        await ends.insertEnd(tx, made);
        return 'ended';
      },
    },
  ];
}

/** As in revoke-coupons.ts, one batch of policy 1. */
function revokeAll({ random, space }: Drawing): Call<Ports>[] {
  const requestId = idOf(space, 4, 4);
  const wish = { requestId, couponPolicyId: numberOf(space, 1) } as PolicyEnd;
  const look: Call<Ports> = {
    label: 'what is to be revoked',
    alone: true,
    run: async ({ revocations }) => (await revocations.findUndone()).map((it) => it.requestId).sort(),
  };
  const find: Call<Ports> = {
    label: 'coupons of policy 1 to revoke',
    alone: true,
    run: async ({ revocations }) => (await revocations.findRevocable(wish.couponPolicyId, 0, 2)).map(holderOf),
  };
  if (random.chance(0.4)) return [random.pick([look, find])];
  const users = someOf(random, [1, 2], random.int(1, 2)).sort();
  return [
    {
      label: `lock the coupons of ${users}`,
      async run({ revocations }, tx, notes) {
        const ids = users.map((user) => couponId(space, user));
        const found = await revocations.lockCoupons(tx, ids);
        notes.set('coupons', found);
        return found.map((it) => it.status);
      },
    },
    {
      label: 'revoke them',
      async run({ revocations }, tx, notes) {
        const locked = (notes.get('coupons') ?? []) as RedeemableCoupon[];
        const changed = locked.map((it) => revoke(it, AT)).filter((it, index) => it !== locked[index]);
        if (changed.length > 0) await revocations.saveRevoked(tx, wish, changed);
        return changed.length;
      },
    },
    ...(random.chance(0.5)
      ? [
          {
            label: 'all are revoked',
            run: ({ revocations }: Ports, tx: Transaction) => revocations.finish(tx, wish, AT),
          },
        ]
      : []),
  ];
}

const holderOf = ({ userId, couponId: id }: Holder) => ({ userId, couponId: id });

const policiesOf = (space: number): Policy[] =>
  QUANTITIES.map((totalQuantity, index) => ({
    ...{ couponPolicyId: numberOf(space, index + 1), discount: AMOUNT, totalQuantity, validDays: 30 },
    ...{ issuedCount: index === 0 ? HELD.length : 0, startsAt: null, endsAt: null, endedAt: null },
  }));
const heldOf = (space: number): RedeemableCoupon[] =>
  HELD.map((user) => ({
    ...{ couponId: couponId(space, user), couponPolicyId: numberOf(space, 1), userId: numberOf(space, user) },
    ...{ discount: AMOUNT, status: 'ISSUED', issuedAt: AT, expiresAt: LATER, revokedAt: null },
  }));
/** Wish 4, to revoke policy 1, is there at first in half of the scripts. */
const endsOf = (space: number): PolicyEnd[] =>
  space % 2 === 0
    ? []
    : [
        {
          ...{ requestId: idOf(space, 4, 4), couponPolicyId: numberOf(space, 1), reason: 'r', revoke: true, at: AT },
          ...{ issuedCount: 2, revokedCount: 0, doneAt: null },
        },
      ];

async function fillServer(database: Database, space: number): Promise<void> {
  await clear(database, ['coupon_policies', 'coupons', 'redemptions', 'coupon_requests', 'coupon_policy_ends']);
  const columns = [
    'coupon_policy_id',
    'name',
    'discount_amount',
    'total_quantity',
    'issued_count',
    'valid_days',
    'request_id',
    'created_at',
  ];
  const values = policiesOf(space).map((it) => [
    ...[it.couponPolicyId, 'p', AMOUNT.amount, it.totalQuantity, it.issuedCount, it.validDays],
    ...[idOf(space, 5, it.couponPolicyId), AT],
  ]);
  await insertRows(database, 'coupon_policies', columns, values);
  await database.transaction(async (tx) => {
    await sqlRedemptionStore.save(tx, { created: [], changed: [], coupons: heldOf(space), at: AT });
    for (const made of endsOf(space)) await sqlPolicyEndStore.insertEnd(tx, made);
    await tx.execute('UPDATE coupon_policies SET ended_at = NULL');
  });
}

export const couponPart: Compared<Ports> = {
  name: 'coupon',
  draw(drawing) {
    const kind = drawing.random.next();
    if (kind < 0.35) return redeem(drawing);
    if (kind < 0.65) return issue(drawing);
    if (kind < 0.7) return accept(drawing);
    if (kind < 0.8) return end(drawing);
    return drawing.space % 2 === 0 ? redeem(drawing) : revokeAll(drawing);
  },

  async onServer(database, space) {
    await fillServer(database, space);
    const list = (sql: string) => database.query(sql);
    return {
      ports: (own) => ({
        ...{ coupons: sqlCouponStore, redemptions: sqlRedemptionStore, requests: sqlRequestStore },
        ...{ ends: sqlPolicyEndStore, revocations: createRevocationStore(own) },
      }),
      contents: async () => ({
        policies: await list(
          'SELECT coupon_policy_id AS couponPolicyId, issued_count AS issuedCount FROM coupon_policies ORDER BY 1',
        ),
        coupons: await list('SELECT coupon_id AS couponId, status FROM coupons ORDER BY coupon_id'),
        redemptions: await list('SELECT order_id AS orderId, status FROM redemptions ORDER BY order_id'),
        requests: await list('SELECT request_id AS requestId, status FROM coupon_requests ORDER BY request_id'),
        ends: await list(
          'SELECT request_id AS requestId, revoked_count AS revokedCount, done_at AS doneAt FROM coupon_policy_ends ORDER BY request_id',
        ),
      }),
    };
  },

  onModel(space) {
    const tables = new CouponTables();
    for (const it of policiesOf(space)) tables.policies.committed.set(String(it.couponPolicyId), it);
    for (const it of heldOf(space)) {
      tables.coupons.committed.set(it.couponId, it);
      tables.couponOwners.committed.set(`${it.couponPolicyId} ${it.userId}`, true);
    }
    for (const it of endsOf(space)) {
      tables.ends.committed.set(it.requestId, it);
      tables.endWishes.committed.set(`${it.couponPolicyId} ${it.revoke}`, true);
    }
    const coupons = createMemoryCouponStore(tables);
    return {
      ports: (database, actor) => ({
        coupons: coupons as CouponStore<Transaction>,
        redemptions: createMemoryRedemptionStore(tables) as RedemptionStore<Transaction>,
        requests: createMemoryRequestStore(tables) as RequestStore<Transaction>,
        ends: createMemoryEndStore(tables, coupons) as PolicyEndStore<Transaction>,
        revocations: createMemoryRevocationStore(tables, (work) =>
          database.transaction(actor, work),
        ) as RevocationStore<Transaction>,
      }),
      contents: () => ({
        policies: rowsOf(tables.policies, (it) => String(it.couponPolicyId)).map(({ couponPolicyId, issuedCount }) => ({
          couponPolicyId,
          issuedCount,
        })),
        coupons: rowsOf(tables.coupons, (it) => it.couponId).map((it) => ({
          couponId: it.couponId,
          status: it.status,
        })),
        redemptions: rowsOf(tables.redemptions, (it) => it.orderId).map(({ orderId, status }) => ({ orderId, status })),
        requests: rowsOf(tables.requests, (it) => it.requestId).map(({ requestId, status }) => ({ requestId, status })),
        ends: rowsOf(tables.ends, (it) => it.requestId).map(({ requestId, revokedCount, doneAt }) => ({
          requestId,
          revokedCount,
          doneAt,
        })),
      }),
    };
  },
};
