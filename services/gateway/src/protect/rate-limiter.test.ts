import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import { createRateLimiter } from './rate-limiter.ts';
import { createWindowCounts } from './window-counts.ts';

const metrics = () => createMetrics({ defaults: false });

function limiter({ user = 3, address = 5, maxKeys = 100 } = {}) {
  const clock = { now: 1_000_000 };
  const counts = {
    user: createWindowCounts({ requests: user, seconds: 10 }, maxKeys),
    address: createWindowCounts({ requests: address, seconds: 60 }, maxKeys),
  };
  const limit = createRateLimiter({ ...counts, metrics: metrics(), now: () => clock.now });
  // Counts address, then user, like a request through the gateway.
  const ask = ({ address: from, user: who }: { address: string; user?: string }) => {
    const pairs: string[] = [];
    const refused = limit.address(from, pairs) ?? (who === undefined ? undefined : limit.user(who, pairs));
    const headers = new Headers(
      Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i] ?? '', pairs[2 * i + 1] ?? '']),
    );
    return { refused, policy: headers.get('ratelimit-policy'), state: headers.get('ratelimit') };
  };
  return { clock, counts, ask };
}

describe('a limit', () => {
  it('when a user is known, then the headers show the state of user and address', () => {
    const { ask, clock } = limiter();
    ask({ address: '192.0.2.1', user: '7' });
    clock.now += 4_001;
    expect(ask({ address: '192.0.2.1', user: '7' })).toEqual({
      refused: undefined,
      policy: '"address";q=5;w=60, "user";q=3;w=10',
      state: '"address";r=3;t=56, "user";r=1;t=6',
    });
  });

  it('when the time has a fraction that rounds up, then a window is told as no longer than it is', () => {
    const { ask, clock } = limiter();
    clock.now = 260_930.8463474365;
    expect(ask({ address: '192.0.2.1' }).state).toBe('"address";r=4;t=60');
  });

  it('when a user has used up the limit, then they are told when to return, and others are not refused', () => {
    const { ask, clock } = limiter();
    for (let i = 0; i < 3; i++) expect(ask({ address: `192.0.2.${i}`, user: '7' }).refused).toBeUndefined();
    clock.now += 2_500;
    const { refused, state } = ask({ address: '192.0.2.9', user: '7' });
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', extra: { retryAfterSeconds: 8 } });
    expect(state).toContain('"user";r=0;t=8');
    expect(ask({ address: '192.0.2.9', user: '8' }).refused).toBeUndefined();
    clock.now += 7_500;
    expect(ask({ address: '192.0.2.9', user: '7' }).refused).toBeUndefined();
  });

  it('when an address has used up its limit, then every user of it is refused', () => {
    const { ask } = limiter();
    for (let i = 0; i < 5; i++) expect(ask({ address: '192.0.2.1', user: `${i}` }).refused).toBeUndefined();
    expect(ask({ address: '192.0.2.1', user: '9' }).refused).toMatchObject({ code: 'RATE_LIMITED' });
    expect(ask({ address: '192.0.2.1' }).refused).toMatchObject({ code: 'RATE_LIMITED' });
    expect(ask({ address: '192.0.2.2' }).refused).toBeUndefined();
  });

  it('when a client changes addresses within its IPv6 network, then they count as one', () => {
    const { ask } = limiter();
    for (let i = 0; i < 5; i++) expect(ask({ address: `2001:db8:1:2::${i + 1}` }).refused).toBeUndefined();
    expect(ask({ address: '2001:db8:1:2:abcd::1' }).refused).toBeDefined();
    expect(ask({ address: '2001:db8:1:3::1' }).refused).toBeUndefined();
  });

  it('when refused requests keep coming, then the window ends all the same', () => {
    const { ask, clock } = limiter();
    for (let i = 0; i < 1_000; i++) ask({ address: '192.0.2.1' });
    clock.now += 60_000;
    expect(ask({ address: '192.0.2.1' })).toMatchObject({ refused: undefined, state: '"address";r=4;t=60' });
  });

  it('when both limits are off, then nothing is counted and no header is sent', () => {
    const limit = createRateLimiter({ user: undefined, address: undefined, metrics: metrics() });
    const headers: string[] = [];
    for (let i = 0; i < 1_000; i++) {
      expect(limit.address('192.0.2.1', headers)).toBeUndefined();
      expect(limit.user('1', headers)).toBeUndefined();
    }
    expect(headers).toEqual([]);
  });
});

describe('memory', () => {
  it('when addresses flood in, then only so many are remembered, and only so many reported as changed', () => {
    const { ask, counts } = limiter({ maxKeys: 50 });
    for (let i = 0; i < 10_000; i++) ask({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` });
    expect(counts.address.size).toBeLessThanOrEqual(50);
    expect(counts.address.changed().length).toBeLessThanOrEqual(50);
  });

  it('when addresses flood in, then an address that keeps asking is not forgotten', () => {
    const { ask } = limiter({ maxKeys: 50 });
    const refused: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      ask({ address: `10.1.${i >> 8}.${i & 255}` });
      if (i % 10 === 0 && ask({ address: '192.0.2.1' }).refused) refused.push(i);
    }
    expect(refused).toHaveLength(95);
  });
});
