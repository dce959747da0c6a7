import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import type { Redis } from 'ioredis';
import { createRateLimiter } from './rate-limiter.ts';
import { shareCounts } from './share-counts.ts';
import { createWindowCounts } from './window-counts.ts';

const WINDOW_MS = 10_000;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** A Redis that counts one request of every key, and leaves its window all its time. */
const redis = {
  status: 'ready',
  pipeline: () => ({ eval() {}, exec: async () => [[null, [1, WINDOW_MS]]] }),
} as unknown as Redis;

it.each(['alone', 'with others'])(
  'when the clock of an instance that counts %s is set back, then a window ends in its time',
  async (how) => {
    const counts = createWindowCounts({ requests: 1, seconds: WINDOW_MS / 1_000 }, 100);
    const metrics = createMetrics({ defaults: false });
    const limit = createRateLimiter({ user: counts, address: undefined, metrics });
    const shared = shareCounts({ redis, counts: { user: counts } });
    expect(limit.user('7', [])).toBeUndefined();
    if (how === 'with others') await shared.exchange();
    shared.stop();

    jest.setSystemTime(Date.now() - 3_600_000);
    jest.advanceTimersByTime(WINDOW_MS - 1);
    expect(limit.user('7', [])).toMatchObject({ code: 'RATE_LIMITED', extra: { retryAfterSeconds: 1 } });
    jest.advanceTimersByTime(2);
    expect(limit.user('7', [])).toBeUndefined();
  },
);
