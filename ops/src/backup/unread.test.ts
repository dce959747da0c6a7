import { describe, expect, it } from '@jest/globals';
import { unreadSince } from './unread.ts';

const NOW = Date.parse('2026-01-31T10:00:00Z');
const minutesAgo = (minutes: number) => NOW - minutes * 60_000;

/** A log with one partition a topic, whose records have these times; and how far each group has read it. */
function logWith(topics: Record<string, number[]>, committed: Record<string, Record<string, number>>) {
  return {
    topics: async () => Object.keys(topics),
    committed: async (group: string, names: readonly string[]) =>
      names.map((topic) => ({ topic, partition: 0, offset: committed[group]?.[topic]?.toString() })),
    ranges: async (names: readonly string[], since = new Date(0)) =>
      names.map((topic) => {
        const times = topics[topic] ?? [];
        const from = times.findIndex((time) => time >= since.getTime());
        const end = BigInt(times.length);
        return { topic, partition: 0, low: 0n, from: from < 0 ? end : BigInt(from), to: end };
      }),
  };
}

const sold = [300, 200, 100, 1].map(minutesAgo);

describe('what a service has not read when its backup is taken', () => {
  it('when its groups have read all, then the time is a minute before', async () => {
    const log = logWith({ 'order-events': sold }, { ranking: { 'order-events': 4 } });
    expect((await unreadSince(log, 'ranking', new Date(NOW))).getTime()).toBe(minutesAgo(1));
  });

  it('when a group is behind, then the time is before its first unread event, and not long before', async () => {
    for (const read of [0, 1, 2]) {
      const log = logWith({ 'order-events': sold }, { ranking: { 'order-events': read } });
      const since = (await unreadSince(log, 'ranking', new Date(NOW))).getTime();
      const first = sold[read] ?? 0;
      expect(since).toBeLessThanOrEqual(first);
      expect(since).toBeGreaterThan(first - (NOW - first) / 10);
    }
  });

  it('when one of several groups is behind, then it counts; an optional one that never ran does not', async () => {
    const heard = { 'order-events': 4, 'payment-events': 4, 'catalog-events': 4, 'coupon-events': 4 };
    const topics = Object.fromEntries(Object.keys(heard).map((topic) => [topic, sold]));
    const caughtUp = logWith(topics, { order: heard });
    expect((await unreadSince(caughtUp, 'order', new Date(NOW))).getTime()).toBe(minutesAgo(1));
    const behind = logWith(topics, { order: heard, 'data-platform': { 'order-events': 2 } });
    expect((await unreadSince(behind, 'order', new Date(NOW))).getTime()).toBeLessThanOrEqual(sold[2] ?? 0);
  });

  it('when a group has read nothing yet, then the time is before the first record', async () => {
    const log = logWith({ 'order-events': sold }, {});
    expect((await unreadSince(log, 'ranking', new Date(NOW))).getTime()).toBeLessThanOrEqual(sold[0] ?? 0);
  });
});
