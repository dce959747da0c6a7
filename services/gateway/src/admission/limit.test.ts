import { describe, expect, it } from '@jest/globals';
import { createAdaptiveLimit } from './limit.ts';

const options = { min: 10, max: 1_000, initial: 100, targetMs: 100 };

/** One window of 200 ms in which `answers` take `ms` each, with at most `inFlight` under way. */
function window(
  limit: ReturnType<typeof createAdaptiveLimit>,
  start: number,
  { answers, ms, inFlight }: { answers: number; ms: number; inFlight: number },
): number {
  limit.used(inFlight);
  for (let i = 0; i < answers; i++) {
    limit.worked(ms);
    limit.returned();
  }
  limit.turn(start + 200);
  return start + 200;
}

/** A service that does `perSecond`, and gets as much as the limit lets through. @returns the final limit */
function settled(perSecond: number, windows = 60): number {
  const limit = createAdaptiveLimit(options);
  limit.turn(0);
  let now = 0;
  for (let i = 0; i < windows; i++) {
    const ms = Math.max(5, (limit.current / perSecond) * 1_000);
    const answers = Math.round(Math.min(perSecond, limit.current / 0.005) / 5);
    now = window(limit, now, { answers, ms, inFlight: limit.current });
  }
  return limit.current;
}

describe('a limit that follows answer times', () => {
  it.each([200, 1_000, 4_000])(
    'when a service does %i/s, then as many are under way as take the target time',
    (perSecond) => {
      const expected = perSecond * 0.1;
      expect(settled(perSecond)).toBeGreaterThan(expected * 0.8);
      expect(settled(perSecond)).toBeLessThan(expected * 1.3);
    },
  );

  it('when a service becomes slower, then the limit follows within two seconds', () => {
    const limit = createAdaptiveLimit({ ...options, initial: 400 });
    limit.turn(0);
    let now = 0;
    for (let i = 0; i < 10; i++)
      now = window(limit, now, { answers: 50, ms: limit.current * 2, inFlight: limit.current });
    expect(limit.current).toBeLessThan(70);
    expect(limit.current).toBeGreaterThan(30);
  });

  it('when answers are quick but the limit is not used up, then it stays', () => {
    const limit = createAdaptiveLimit(options);
    limit.turn(0);
    let now = 0;
    for (let i = 0; i < 50; i++) now = window(limit, now, { answers: 100, ms: 5, inFlight: 40 });
    expect(limit.current).toBe(100);
  });

  it('when answers are slow for one window only, then it was a stall, and the limit stays', () => {
    const limit = createAdaptiveLimit(options);
    limit.turn(0);
    let now = 0;
    for (let i = 0; i < 10; i++) {
      now = window(limit, now, { answers: 50, ms: 400, inFlight: 100 });
      now = window(limit, now, { answers: 50, ms: 60, inFlight: 60 });
    }
    expect(limit.current).toBe(100);
  });

  it('when an overload is over, then the limit returns to its initial value, even if unused', () => {
    const limit = createAdaptiveLimit(options);
    limit.turn(0);
    let now = 0;
    for (let i = 0; i < 20; i++) now = window(limit, now, { answers: 20, ms: 500, inFlight: limit.current });
    expect(limit.current).toBeLessThan(30);
    for (let i = 0; i < 20; i++) now = window(limit, now, { answers: 20, ms: 20, inFlight: 3 });
    expect(limit.current).toBeGreaterThanOrEqual(100);
    expect(limit.current).toBeLessThan(120);
  });

  it('when no answer comes, then the limit stays; it never leaves its bounds', () => {
    const limit = createAdaptiveLimit(options);
    for (let now = 0; now <= 5_000; now += 100) limit.turn(now);
    expect(limit.current).toBe(100);
    let now = 5_000;
    for (let i = 0; i < 100; i++) now = window(limit, now, { answers: 10, ms: 60_000, inFlight: limit.current });
    expect(limit.current).toBe(10);
    for (let i = 0; i < 100; i++) now = window(limit, now, { answers: 500, ms: 1, inFlight: limit.current });
    expect(limit.current).toBe(1_000);
  });
});

describe('answers without work', () => {
  it('when answers are quick because no work was done, then the limit does not rise', () => {
    const limit = createAdaptiveLimit(options);
    for (let now = 0; now <= 5_000; now += 200) {
      limit.used(limit.current);
      for (let i = 0; i < 50; i++) {
        limit.answered(1);
        limit.returned();
      }
      limit.turn(now);
    }
    expect(limit.current).toBe(100);
  });

  it('when most answers are quick and cheap while the work is slow, then the limit still falls', () => {
    const limit = createAdaptiveLimit(options);
    for (let now = 0; now <= 4_000; now += 200) {
      limit.used(limit.current);
      for (let i = 0; i < 200; i++) {
        limit.answered(1);
        limit.returned();
      }
      for (let i = 0; i < 10; i++) limit.worked(300);
      limit.turn(now);
    }
    expect(limit.current).toBeLessThan(50);
  });

  it('when a request has failed after a long time, then it counts as slow', () => {
    const limit = createAdaptiveLimit(options);
    for (let now = 0; now <= 4_000; now += 200) {
      for (let i = 0; i < 10; i++) limit.answered(10_000);
      limit.turn(now);
    }
    expect(limit.current).toBeLessThan(20);
  });

  it('when the service refuses by itself, then the limit neither rises nor falls', () => {
    const limit = createAdaptiveLimit(options);
    for (let now = 0; now <= 4_000; now += 200) {
      limit.used(limit.current);
      for (let i = 0; i < 50; i++) limit.refused();
      for (let i = 0; i < 50; i++) limit.worked(20);
      limit.turn(now);
    }
    expect(limit.current).toBe(100);
  });
});
