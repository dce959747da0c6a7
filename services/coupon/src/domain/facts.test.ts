import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../../test/simulation/random.ts';
import {
  COUPON_ID,
  cancelled,
  couponIdOf,
  expired,
  issued,
  NOW,
  ORDER_ID,
  orderIdOf,
  redeemed,
  rejected,
  returned,
  revoked,
  spared,
  stockReserved,
  used,
  usedByAnother,
  voided,
  wonOff,
} from '../../test/examples.ts';
import { decideBatch } from './batch.ts';
import { ContradictingFact, type CouponFact, type KnownRows, type Restored, restore } from './facts.ts';
import { type RedeemableCoupon, type Redemption, revoke, type SagaEvent } from './redemption.ts';

const USED_AT = new Date(NOW.getTime() + 5);
const origin = { id: 'e', key: 'k', topic: 'coupon-events', partition: 0, offset: '0', time: USED_AT };
const order = { orderId: ORDER_ID, userId: 7, couponId: COUPON_ID };
const worth = { discountAmount: 1_000 };

const created: CouponFact = {
  ...origin,
  type: 'coupon-policy-created',
  data: {
    ...{ couponPolicyId: 1, name: 'Spring', ...worth, totalQuantity: 10, validDays: 30, startsAt: null, endsAt: 99 },
    ...{ createdAt: NOW.getTime(), requestId: 'r', idempotencyKey: null, requestHash: null },
  },
};
const ended = (revokes: boolean): CouponFact => ({
  ...origin,
  type: 'coupon-policy-ended',
  data: { couponPolicyId: 1, revoke: revokes, reason: 'no', issuedCount: 3, endedAt: NOW.getTime(), requestId: 'end' },
});
const requested: CouponFact = {
  ...origin,
  type: 'coupon-issue-requested',
  data: { couponPolicyId: 1, requestId: COUPON_ID, userId: 7, requestedAt: NOW.getTime() },
};
const issue = (byRequest = false, couponId = COUPON_ID, userId = 7): CouponFact => ({
  ...origin,
  type: 'coupon-issued',
  data: {
    ...{ couponPolicyId: 1, couponId, userId, ...worth, byRequest },
    ...{ issuedAt: issued.issuedAt.getTime(), expiresAt: issued.expiresAt.getTime() },
  },
});
const redeem = (orderId = ORDER_ID, time = USED_AT, discountAmount = 1_000): CouponFact => ({
  ...{ ...origin, time: new Date(time.getTime() + 7), type: 'coupon-redeemed' },
  data: {
    ...{ ...order, orderId, totalAmount: 3_000, discountAmount, payableAmount: 3_000 - discountAmount },
    redeemedAt: time.getTime(),
  },
});
const reject: CouponFact = { ...origin, type: 'coupon-rejected', data: { ...order, reason: 'COUPON_ALREADY_USED' } };

const nothing: KnownRows = {
  policies: new Map(),
  ends: new Set(),
  requests: new Set(),
  coupons: new Map(),
  redemptions: new Map(),
};
const withPolicy: KnownRows = { ...nothing, policies: new Map([[1, 'r']]) };
const holding = (coupon: RedeemableCoupon | undefined, ...redemptions: Redemption[]): KnownRows => ({
  ...withPolicy,
  coupons: new Map(coupon ? [[coupon.couponId, coupon]] : []),
  redemptions: new Map(redemptions.map((it) => [it.orderId, it])),
});
const changes = (known: KnownRows, ...facts: CouponFact[]) => {
  const { early, ...restored } = restore(known, facts);
  return { early: early.length, rows: Object.values(restored).flat() };
};

describe('every redemption × every fact of its order', () => {
  it.each([
    [undefined, redeem(), 'new'],
    [undefined, redeem(ORDER_ID, USED_AT, 0), 'new'],
    [undefined, reject, 'new'],
    [redeemed, redeem(), 'known'],
    [redeemed, reject, 'contradiction'],
    [returned, redeem(), 'known'],
    [returned, reject, 'contradiction'],
    [spared, redeem(ORDER_ID, USED_AT, 0), 'known'],
    [spared, reject, 'contradiction'],
    [rejected, redeem(), 'contradiction'],
    [rejected, reject, 'known'],
    [voided, redeem(), 'contradiction'],
    [voided, reject, 'contradiction'],
  ] as const)('when the redemption is $0.status, then a fact $1.type is …', (redemption, fact, expected) => {
    const known = holding(redemption?.status === 'REDEEMED' ? used : issued, ...(redemption ? [redemption] : []));
    const rows = () => changes(known, fact).rows.length;
    if (expected === 'contradiction') expect(rows).toThrow(ContradictingFact);
    else expect(rows() > 0).toBe(expected === 'new');
  });

  it.each([
    ['unknown', undefined, 'early'],
    ['ISSUED', issued, 'used'],
    ['EXPIRED', expired, 'used'],
    ['USED', used, 'used'],
    ['REVOKED', revoked, 'contradiction'],
  ] as const)('when the coupon is %s, then a redemption of it is …', (_, coupon, expected) => {
    const fact = redeem(orderIdOf(2));
    if (expected === 'contradiction') expect(() => changes(holding(coupon), fact)).toThrow(ContradictingFact);
    else if (expected === 'early') expect(changes(holding(coupon), fact)).toEqual({ early: 1, rows: [] });
    else expect(restore(holding(coupon), [fact]).changed).toMatchObject([{ status: 'USED', orderId: orderIdOf(2) }]);
  });
});

describe('the effects of facts', () => {
  it('when all happened since the backup, then every row is restored with its own times', () => {
    const restored = restore(nothing, [requested, created, issue(true), ended(true), redeem()]);
    expect(restored).toEqual({
      policies: [
        {
          ...{ couponPolicyId: 1, name: 'Spring', discount: wonOff(1_000), totalQuantity: 10, validDays: 30 },
          ...{ startsAt: null, endsAt: new Date(99), requestId: 'r', createdAt: NOW },
        },
      ],
      ends: [
        {
          ...{ requestId: 'end', couponPolicyId: 1, revoke: true, reason: 'no', issuedCount: 3, at: NOW },
          ...{ revokedCount: 0, doneAt: null },
        },
      ],
      requests: [{ requestId: COUPON_ID, couponPolicyId: 1, userId: 7, couponId: COUPON_ID }],
      issued: [issued],
      changed: [{ ...used, usedAt: USED_AT }],
      redemptions: [{ redemption: redeemed, createdAt: USED_AT, updatedAt: USED_AT }],
      early: [],
    });
  });

  it('when a redemption was published before events told its time, then it has the time of the event', () => {
    const { time, data, ...fact } = redeem() as Extract<CouponFact, { type: 'coupon-redeemed' }>;
    const older: CouponFact = { ...fact, time, data: { ...data, redeemedAt: null } };
    expect(restore(holding(issued), [older]).changed).toEqual([{ ...used, usedAt: time }]);
  });

  it('when a policy is only ended, then its end is done', () => {
    expect(restore(withPolicy, [ended(false)]).ends).toMatchObject([{ revoke: false, doneAt: NOW }]);
  });

  it('when everything is there, then nothing is written', () => {
    const known: KnownRows = {
      ...holding(used, redeemed),
      ends: new Set(['end']),
      requests: new Set([COUPON_ID]),
    };
    const facts = [requested, created, issue(true), ended(true), redeem()];
    expect(changes(known, ...facts)).toEqual({ early: 0, rows: [] });
  });

  it('when facts come before those they follow on, then they are taken in their order, or wait', () => {
    expect(changes(nothing, redeem(), issue(), ended(false), created)).toMatchObject({ early: 0 });
    expect(changes(nothing, redeem(), issue(), ended(false))).toEqual({ early: 3, rows: [] });
  });

  it.each([
    ['later', new Date(USED_AT.getTime() + 1), orderIdOf(2), 'RETURNED', 'REDEEMED'],
    ['earlier', new Date(NOW.getTime() - 1), ORDER_ID, undefined, 'RETURNED'],
  ])('when a %s order used the coupon too, then the later one has it and the other gave it back', (...row) => {
    const [, time, holder, first, second] = row;
    const { changed, redemptions } = restore(holding(used, redeemed), [redeem(orderIdOf(2), time)]);
    expect(changed.map((it) => (it.status === 'USED' ? it.orderId : it.status))).toEqual(
      holder === ORDER_ID ? [] : [holder],
    );
    const statusOf = new Map(redemptions.map(({ redemption }) => [redemption.orderId, redemption.status]));
    expect([statusOf.get(ORDER_ID), statusOf.get(orderIdOf(2))]).toEqual([first, second]);
  });

  it('when a policy or a user has something else than the fact says, then it is a contradiction', () => {
    expect(() => changes({ ...nothing, policies: new Map([[1, 'another']]) }, created)).toThrow(ContradictingFact);
    expect(() => changes(holding(usedByAnother), issue(false, couponIdOf(2)))).toThrow(ContradictingFact);
  });
});

/** What the service has: rows, and what it published with the cause of each. */
interface Shop {
  readonly coupons: Map<string, RedeemableCoupon>;
  readonly redemptions: Map<string, Redemption>;
  readonly inbox: Set<string>;
  revoked: boolean;
}

const copyOf = (shop: Shop): Shop => ({
  ...shop,
  coupons: new Map(shop.coupons),
  redemptions: new Map(shop.redemptions),
  inbox: new Set(shop.inbox),
});
/** Without the times of the job. */
const contentsOf = ({ coupons, redemptions, revoked: isRevoked }: Shop) => ({
  coupons: new Map([...coupons].sort().map(([id, it]) => [id, { ...it, revokedAt: it.revokedAt !== null }])),
  redemptions: new Map([...redemptions].sort()),
  isRevoked,
});

function handle(shop: Shop, event: SagaEvent, at: Date): CouponFact[] {
  shop.inbox.add(event.id);
  const { changes: rows, events } = decideBatch(shop, [event], at);
  for (const it of [...rows.created, ...rows.changed]) shop.redemptions.set(it.orderId, it);
  for (const it of rows.coupons) shop.coupons.set(it.couponId, it);
  return events.map((it) => ({ ...origin, ...it, time: at, causationId: event.id }) as unknown as CouponFact);
}

function revokeAll(shop: Shop, at: Date): void {
  shop.revoked = true;
  for (const [id, coupon] of shop.coupons) shop.coupons.set(id, revoke(coupon, at));
}

function apply(shop: Shop, facts: readonly CouponFact[]): void {
  const known: KnownRows = { ...withPolicy, coupons: shop.coupons, redemptions: shop.redemptions };
  const { issued: fresh, changed, redemptions, early }: Restored = restore(known, facts);
  expect(early).toEqual([]);
  for (const it of [...fresh, ...changed]) shop.coupons.set(it.couponId, it);
  for (const { redemption } of redemptions) shop.redemptions.set(redemption.orderId, redemption);
  for (const { causationId } of facts) if (causationId) shop.inbox.add(causationId);
}

it('when a schema of any age is brought forward, then it is what it was: 500 random histories', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const { int, pick, chance } = createRandom(seed);
    const shop: Shop = { coupons: new Map(), redemptions: new Map(), inbox: new Set(), revoked: false };
    const backups: { shop: Shop; facts: number; heard: number }[] = [];
    const facts: CouponFact[] = [];
    const heard: SagaEvent[] = [];
    const length = int(1, 40);
    for (let n = 0; n < length; n++) {
      backups.push({ shop: copyOf(shop), facts: facts.length, heard: heard.length });
      const at = new Date(NOW.getTime() + n * 1_000);
      const what = { orderId: orderIdOf(int(1, 12)), userId: int(7, 8), couponId: couponIdOf(int(1, 3)) };
      const coupon = Number(what.couponId.slice(-1));
      if (chance(0.15) && !shop.coupons.has(what.couponId) && !shop.revoked) {
        const fact = { ...issue(false, what.couponId, 6 + coupon), time: at };
        facts.push(fact);
        apply(shop, [fact]);
      } else if (chance(0.03)) {
        revokeAll(shop, at);
      } else {
        // An event comes once; an order has one user and one coupon.
        const number = Number(what.orderId.slice(-2).replace(/\D/g, '0'));
        const own = { ...what, userId: 7 + (number % 3), couponId: couponIdOf(1 + (number % 3)) };
        const event = pick([stockReserved({ ...own, totalAmount: pick([0, 3_000]) }), cancelled(own)]);
        if (shop.inbox.has(event.id)) continue;
        heard.push({ ...event, time: at });
        facts.push(...handle(shop, event, at));
      }
    }
    const taken = pick(backups);
    const restored = copyOf(taken.shop);
    for (let i = int(0, taken.facts); i < facts.length; ) {
      const size = int(1, 8);
      apply(restored, facts.slice(i, i + size));
      i += size;
    }
    if (shop.revoked) revokeAll(restored, NOW);
    const open = heard.slice(taken.heard).filter((event) => !restored.inbox.has(event.id));
    for (const type of ['order-cancelled', 'stock-reserved'])
      for (const event of open.filter((it) => it.type === type)) handle(restored, event, event.time);
    expect({ seed, ...contentsOf(restored) }).toEqual({ seed, ...contentsOf(shop) });
    expect(restored.inbox).toEqual(shop.inbox);
  }
});
