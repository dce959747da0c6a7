import { describe, expect, it } from '@jest/globals';
import { policyOf, wonOff } from '../../test/examples.ts';
import { acceptedAt, shownStatus } from './coupon.ts';
import { decideIssues, type IssueRequest } from './issue.ts';
import { opennessOf } from './policy.ts';

const AT = Date.UTC(2026, 0, 31, 12);
const DAY_MS = 86_400_000;

/** A UUIDv7 of the time, made unique by `n`. */
function idAt(time: number, n: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

let last = 0;
const request = (userId: number, couponPolicyId = 1, time = AT): IssueRequest => ({
  requestId: idAt(time, ++last),
  userId,
  couponPolicyId,
});
const kinds = (...args: Parameters<typeof decideIssues>) => decideIssues(...args).outcomes.map((it) => it.kind);

describe('a request for a coupon', () => {
  it('when coupons are left, then the user gets one that is valid from the moment of asking', () => {
    const asked = request(7);
    const { outcomes, issued } = decideIssues([policyOf()], [], [asked]);
    expect(issued).toEqual([
      {
        couponId: asked.requestId,
        couponPolicyId: 1,
        userId: 7,
        discount: wonOff(1_000),
        status: 'ISSUED',
        issuedAt: new Date(AT),
        expiresAt: new Date(AT + 30 * DAY_MS),
      },
    ]);
    expect(outcomes).toEqual([{ kind: 'ISSUED', coupon: issued[0] }]);
  });

  it('when more ask than are left, then the first ones get coupons', () => {
    const some = policyOf({ totalQuantity: 10, issuedCount: 8 });
    expect(kinds([some], [], [request(1), request(2), request(3)])).toEqual(['ISSUED', 'ISSUED', 'SOLD_OUT']);
  });

  it('when the user asks twice in a batch, then one coupon is issued', () => {
    const { outcomes, issued } = decideIssues(
      [policyOf({ totalQuantity: 2 })],
      [],
      [1, 1, 2, 3].map((it) => request(it)),
    );
    expect(outcomes.map((it) => it.kind)).toEqual(['ISSUED', 'OWNED', 'ISSUED', 'SOLD_OUT']);
    expect(issued.map((it) => it.userId)).toEqual([1, 2]);
  });

  it('when the user has a coupon, then it is shown, even when sold out or over', () => {
    const [own] = decideIssues([policyOf()], [], [request(1)]).issued;
    if (!own) throw new Error('nothing was issued');
    const over = policyOf({ issuedCount: 10, endsAt: new Date(AT - 1) });
    const { outcomes, issued } = decideIssues([over], [own], [request(1), request(2)]);
    expect(outcomes).toEqual([{ kind: 'OWNED', coupon: own }, { kind: 'NOT_OPEN' }]);
    expect(issued).toEqual([]);
  });

  it('when a request comes again after it was issued, then it is answered as the first time and nothing is added', () => {
    const asked = request(1);
    const first = decideIssues([policyOf()], [], [asked]);
    const again = decideIssues([policyOf({ issuedCount: 1 })], first.issued, [asked]);
    expect(again).toEqual({ outcomes: first.outcomes, issued: [] });
  });

  it('when there is no such policy, then the others of the batch are not affected', () => {
    expect(kinds([policyOf()], [], [request(1, 2), request(1, 1)])).toEqual(['NO_POLICY', 'ISSUED']);
  });

  it('when the id is no UUIDv7, then it is an error', () => {
    const bad = { requestId: 'c0ffee', userId: 1, couponPolicyId: 1 };
    expect(() => decideIssues([policyOf()], [], [bad])).toThrow('not a UUIDv7');
  });

  it('when the policy was ended, then none is issued, not even to a request accepted before, and holders keep theirs', () => {
    const [own] = decideIssues([policyOf()], [], [request(1)]).issued;
    if (!own) throw new Error('nothing was issued');
    const ended = policyOf({ issuedCount: 1, endedAt: new Date(AT + 1), startsAt: new Date(AT + DAY_MS) });
    for (const judged of [false, true])
      expect(kinds([ended], [own], [request(1), request(2)], judged)).toEqual(['OWNED', 'ENDED']);
    expect(opennessOf(ended, new Date(AT))).toBe('ENDED');
  });

  it('when a sold-out policy was ended, then a request of the log is refused as it was before the end', () => {
    const soldOut = policyOf({ totalQuantity: 1, issuedCount: 1 });
    const ended = { ...soldOut, endedAt: new Date(AT + 1) };
    for (const policy of [soldOut, ended]) expect(kinds([policy], [], [request(2)], true)).toEqual(['SOLD_OUT']);
    expect(kinds([ended], [], [request(2)])).toEqual(['ENDED']);
  });

  it.each([
    [AT - 1, 'EARLY', 'NOT_OPEN'],
    [AT, 'OPEN', 'ISSUED'],
    [AT + DAY_MS - 1, 'OPEN', 'ISSUED'],
    [AT + DAY_MS, 'OVER', 'NOT_OPEN'],
  ])('when the sale is one day from noon and it is %i, then it is %s', (time, openness, kind) => {
    const sale = policyOf({ startsAt: new Date(AT), endsAt: new Date(AT + DAY_MS) });
    expect(opennessOf(sale, new Date(time))).toBe(openness);
    expect(kinds([sale], [], [request(1, 1, time)])).toEqual([kind]);
    expect(kinds([sale], [], [request(1, 1, time)], true)).toEqual(['ISSUED']);
  });
});

describe('a batch', () => {
  it('when a batch is decided, then it is as if decided one by one, and never more than the quantity is issued', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = generator(seed);
      const policies = [1, 2, 3].map((id) =>
        policyOf({
          couponPolicyId: id,
          totalQuantity: 1 + random(6),
          endsAt: random(5) === 0 ? new Date(AT - 1) : null,
          endedAt: random(6) === 0 ? new Date(AT) : null,
        }),
      );
      const requests = Array.from({ length: random(40) }, () => request(1 + random(8), 1 + random(4)));
      const joint = decideIssues(policies, [], requests);

      const state = new Map(policies.map((it) => [it.couponPolicyId, it]));
      const coupons: (typeof joint.issued)[number][] = [];
      const single = requests.map((it) => {
        const { outcomes, issued } = decideIssues([...state.values()], coupons, [it]);
        for (const coupon of issued) {
          coupons.push(coupon);
          const before = state.get(coupon.couponPolicyId);
          if (before) state.set(coupon.couponPolicyId, { ...before, issuedCount: before.issuedCount + 1 });
        }
        return outcomes[0];
      });
      expect(joint.outcomes).toEqual(single);
      expect(joint.issued).toEqual(coupons);
      for (const { couponPolicyId, totalQuantity } of policies) {
        const own = joint.issued.filter((it) => it.couponPolicyId === couponPolicyId);
        expect(own.length).toBeLessThanOrEqual(totalQuantity);
        expect(new Set(own.map((it) => it.userId)).size).toBe(own.length);
      }
    }
  });
});

describe('a coupon', () => {
  const expiresAt = new Date(AT);
  it.each([
    ['ISSUED', AT - 1, 'ISSUED'],
    ['ISSUED', AT, 'EXPIRED'],
    ['USED', AT + 1, 'USED'],
    // The job has marked it by a clock that was ahead: an order may use it.
    ['EXPIRED', AT - 1, 'ISSUED'],
    ['EXPIRED', AT, 'EXPIRED'],
    ['REVOKED', AT - 1, 'REVOKED'],
  ] as const)('when a coupon is %s, then it is shown at %i as %s', (status, now, shown) => {
    expect(shownStatus({ status, expiresAt }, new Date(now))).toBe(shown);
  });

  it("when a coupon's id is read, then it gives the time of its request", () => {
    expect(acceptedAt('019b9755-0400-7123-89ab-0123456789ab').toISOString()).toBe('2026-01-07T07:21:29.856Z');
  });
});

/** Whole numbers below `below`, always the same for a seed. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
