import { describe, expect, it } from '@jest/globals';
import { REPUBLISHED } from '@shop/events';
import type { LogRange, LogRecord } from './log.ts';
import { MARGIN_MS, retentionWatch, setAsideNotes } from './notes.ts';

const record = (change: Partial<LogRecord>): LogRecord => ({
  ...{ topic: 't', partition: 0, offset: 0, key: null, id: 'i', type: 'order-created', headers: {}, timestamp: 0 },
  ...change,
});

it('when a log that holds its beginning was filled again from rows, then it is compared since the time of these', () => {
  const watch = retentionWatch([{ topic: 't', partition: 0, from: 0, to: 9 }], new Map());
  watch.add(record({}));
  expect(watch.since('t')).toBeUndefined();
  const since = '2026-01-31T09:00:00.000Z';
  watch.add(record({ headers: { [REPUBLISHED]: since } }));
  watch.add(record({ headers: { [REPUBLISHED]: '2026-01-30T09:00:00.000Z' } }));
  expect(watch.since('t')?.getTime()).toBe(Date.parse(since) + MARGIN_MS);
  // Another topic that was filled may have got nothing.
  expect(watch.since('another')).toEqual(watch.since('t'));
  expect(watch.notes()).toHaveLength(1);
});

const NOW = Date.parse('2026-03-10T00:00:00Z');
const DAY_MS = 86_400_000;
const orders = { topic: 'order-events', partition: 0, from: 0, to: 9 };
const other = { topic: 'coupon-events', partition: 0, from: 3, to: 9 };
const emptied = { topic: 'coupon-events', partition: 1, from: 100, to: 100, truncated: true };

/** The bound of each topic, ms. */
const bounds = (held: LogRange[], keptMs: [topic: string, ms: number][] = []) => {
  const watch = retentionWatch(held, new Map(keptMs), NOW);
  return { watch, of: (topic: string) => watch.since(topic)?.getTime() };
};

describe('a topic of which retention has removed something', () => {
  it('when a partition is empty and another holds records, then the topic is complete as far back as its retention', () => {
    const { watch, of } = bounds([orders, other, emptied], [['coupon-events', 7 * DAY_MS]]);
    expect(of('coupon-events')).toBe(NOW - 7 * DAY_MS + MARGIN_MS);
    expect(of('order-events')).toBeUndefined();
    expect(watch.notes()).toEqual([expect.stringMatching(/^coupon-events no longer holds all: .* 2026-03-03T00:01/)]);
    expect(watch.notes(new Date(NOW - DAY_MS))).toEqual([]);
  });

  it('when it holds no record at all, or its retention is not known, then it is compared with nothing, and others are', () => {
    for (const { watch, of } of [
      bounds([orders, emptied], [['coupon-events', 7 * DAY_MS]]),
      bounds([orders, { ...other, from: 0, to: 0 }, emptied], [['coupon-events', 7 * DAY_MS]]),
      bounds([orders, other, emptied]),
    ]) {
      expect(of('coupon-events')).toBe(NOW + MARGIN_MS);
      expect(of('order-events')).toBeUndefined();
      expect(watch.notes(new Date(NOW - 60_000))).toEqual([expect.stringContaining('coupon-events')]);
    }
  });

  it('when retention is without end, then an empty partition bounds nothing', () => {
    expect(bounds([other, emptied], [['coupon-events', Number.POSITIVE_INFINITY]]).of('coupon-events')).toBeUndefined();
  });

  it('when what is left of a partition is young, then only its own topic is compared since then', () => {
    const { watch, of } = bounds([orders, other, { ...emptied, to: 105 }]);
    watch.add(record({ ...other, offset: 3, timestamp: NOW - 9 * DAY_MS }));
    watch.add(record({ ...emptied, offset: 100, timestamp: NOW - 120_000 }));
    watch.add(record({ ...emptied, offset: 101, timestamp: NOW - 60_000 }));
    expect(of('coupon-events')).toBe(NOW - 120_000 + MARGIN_MS);
    expect(of('order-events')).toBeUndefined();
  });
});

it.each([
  [true, 'is on catalog-events all the same'],
  [false, 'is not on catalog-events: too large'],
  [undefined, 'should not be on catalog-events: too large'],
])('when an event was set aside and its topic holds it: %s, then the note says so', (isOnTopic, words) => {
  const event = { service: 'catalog', id: 'e', type: 'stock-reserved', key: 'o', topic: 'catalog-events' } as const;
  const [note] = setAsideNotes([{ ...event, reason: 'too large', ...(isOnTopic === undefined ? {} : { isOnTopic }) }]);
  expect(note).toContain(words);
});
