import { describe, expect, it } from '@jest/globals';
import { createRandom, type Random } from '../simulation/random.ts';
import { type Ask, judgeCoupons } from './coupons.ts';
import { linearize, type Model } from './linearize.ts';

const issued = (userId: number, called: number, returned: number, couponId = `c${userId}`): Ask => ({
  userId,
  called,
  returned,
  told: { kind: 'ISSUED', couponId },
});
const soldOut = (userId: number, called: number, returned: number): Ask => ({
  userId,
  called,
  returned,
  told: { kind: 'SOLD_OUT' },
});
const unanswered = (userId: number, called: number): Ask => ({ userId, called, returned: Infinity, told: undefined });

describe('answers about coupons', () => {
  it('when one shop could have given them, then nothing is found', () => {
    expect(judgeCoupons(2, [issued(1, 0, 5), issued(2, 1, 3), soldOut(3, 2, 4), issued(1, 6, 7)])).toEqual([]);
    expect(judgeCoupons(0, [soldOut(1, 0, 1)])).toEqual([]);
  });

  it('when more are issued than there are, then it is found', () => {
    expect(judgeCoupons(1, [issued(1, 0, 1), issued(2, 0, 1)])).toEqual(['2 users were issued a coupon of 1']);
  });

  it('when a user is told of two coupons, or two users of one, then it is found', () => {
    expect(judgeCoupons(5, [issued(1, 0, 1, 'a'), issued(1, 2, 3, 'b')])).toEqual([
      'user 1 was issued the coupons a and b',
    ]);
    expect(judgeCoupons(5, [issued(1, 0, 1, 'a'), issued(2, 2, 3, 'a')])).toEqual([
      'coupon a was issued to the users 1 and 2',
    ]);
  });

  it('when it is called sold out while some are left, then it is found', () => {
    expect(judgeCoupons(2, [issued(1, 0, 1), soldOut(2, 2, 3), issued(3, 4, 5)])).toEqual([
      'user 2 was told that it is sold out when at most 1 of 2 were taken',
    ]);
  });

  it('when a request without an answer may hold the last place, then sold out is no contradiction', () => {
    expect(judgeCoupons(2, [issued(1, 0, 1), unanswered(4, 1), soldOut(2, 2, 3), issued(3, 4, 5)])).toEqual([]);
    expect(judgeCoupons(2, [issued(1, 0, 1), soldOut(2, 2, 3), unanswered(4, 4)])).toHaveLength(1);
  });

  it('when an owner is turned away later, then it is found', () => {
    expect(judgeCoupons(1, [issued(1, 0, 1), soldOut(1, 2, 3)])).toEqual([
      'user 1 was issued a coupon, and told later that it is sold out',
    ]);
  });

  it('when a door that forgets turns an owner away, then it is no contradiction; when the database does, then it is', () => {
    const turnedAway = (way: 'door' | 'database'): Ask => ({ ...soldOut(1, 2, 3), told: { kind: 'SOLD_OUT', way } });
    const judge = (way: 'door' | 'database') =>
      judgeCoupons(1, [issued(1, 0, 1), turnedAway(way)], { doorForgets: true });
    expect(judge('door')).toEqual([]);
    expect(judge('database')).toHaveLength(1);
    expect(judgeCoupons(1, [issued(1, 0, 1), turnedAway('door')])).toHaveLength(1);
  });

  it('when histories are drawn at random, then the verdict is that of a search through all orders', () => {
    const random = createRandom(7);
    const verdicts = { possible: 0, impossible: 0 };
    for (let n = 0; n < 3_000; n++) {
      const quantity = random.int(0, 3);
      const asks = Array.from({ length: random.int(1, 7) }, (_, index) => anyAsk(random, index));
      const found = linearize(policy(quantity), asks);
      expect(found.kind).not.toBe('UNDECIDED');
      expect({ asks, verdict: judgeCoupons(quantity, asks).length === 0 }).toEqual({
        asks,
        verdict: found.kind === 'POSSIBLE',
      });
      verdicts[found.kind === 'POSSIBLE' ? 'possible' : 'impossible']++;
    }
    expect(Math.min(verdicts.possible, verdicts.impossible)).toBeGreaterThan(500);
  });
});

/** Each request is another user's: what one user is told twice has tests of its own. */
function anyAsk(random: Random, userId: number): Ask {
  const called = random.int(0, 10);
  const returned = called + random.int(0, 5);
  return random.pick([issued, issued, soldOut, unanswered])(userId, called, returned);
}

/** Users with a coupon, and users who may hold a place. */
interface Policy {
  readonly issued: number;
  readonly held: number;
}

function policy(quantity: number): Model<Policy, Ask> {
  return {
    initial: { issued: 0, held: 0 },
    keyOf: (state) => `${state.issued},${state.held}`,
    step(state, { told }) {
      const { issued: gone, held } = state;
      // Each place that is held may be given back before the next step.
      const before = Array.from({ length: held + 1 }, (_, left) => ({ issued: gone, held: left }));
      if (told === undefined) return [state, ...(gone + held < quantity ? [{ issued: gone, held: held + 1 }] : [])];
      if (told.kind === 'SOLD_OUT') return gone + held === quantity ? [state] : [];
      return before.filter((it) => it.issued + it.held < quantity).map((it) => ({ ...it, issued: gone + 1 }));
    },
  };
}
