import { describe, expect, it } from '@jest/globals';
import { requestCount } from './plan.ts';
import { profileOf } from './profiles.ts';
import { requestsOf, type Traffic } from './traffic.ts';

const coupons = (expects: 'issued' | 'sold-out' | 'accepted'): Traffic => ({
  kind: 'coupons',
  couponPolicyId: 7,
  firstUser: 100,
  expects,
});

const take = (traffic: Traffic, count: number, rate = 100) => {
  const requestAt = requestsOf(traffic, rate, 'run');
  return Array.from({ length: count }, (_, index) => requestAt(index));
};

describe('the requests of a load', () => {
  it('when requests are of coupons, then each comes from another user, from the first one up', () => {
    const bodies = take(coupons('issued'), 3).map(({ body = '' }) => JSON.parse(body));
    expect(bodies).toEqual([100, 101, 102].map((userId) => ({ userId, couponPolicyId: 7 })));
  });

  it.each([
    ['issued', [200], undefined, undefined],
    ['sold-out', [409], 'COUPON_SOLD_OUT', undefined],
    ['accepted', [202], undefined, 'respond-async'],
  ] as const)('when coupons are %s, then their requests know the right answer', (expects, good, goodCode, prefer) => {
    const [request] = take(coupons(expects), 1);
    expect(request?.good).toEqual(good);
    expect(request?.goodCode).toBe(goodCode);
    expect(request?.headers.prefer).toBe(prefer);
  });

  it('when requests are of orders, then each has its own key, and some wait for the end', () => {
    const traffic: Traffic = {
      kind: 'orders',
      profile: profileOf(1, false),
      users: 10,
      products: [1, 2, 3],
      waitsPerSecond: 5,
    };
    const requests = take(traffic, 100);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(100);
    expect(requests.filter(({ waits }) => waits).length).toBe(5);
    expect(requests.filter(({ headers }) => headers.prefer === 'wait=10').length).toBe(5);
    expect(take(traffic, 100)).toEqual(requests);
  });

  it('when requests are reads, then they take their paths in turn', () => {
    const paths = take({ kind: 'reads', paths: ['/a', '/b'] }, 3).map(({ path }) => path);
    expect(paths).toEqual(['/a', '/b', '/a']);
    expect(() => requestsOf({ kind: 'reads', paths: [] }, 1, '')).toThrow('no path');
  });

  it('when rate and time are set, then there are as many requests, including those before the window', () => {
    expect(requestCount({ rate: 300, warmupSeconds: 5, seconds: 20 })).toEqual({ warmup: 1_500, total: 7_500 });
  });
});
