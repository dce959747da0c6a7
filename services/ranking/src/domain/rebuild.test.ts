import { describe, expect, it } from '@jest/globals';
import { cancelled, changed, completed, orderAt } from '../../test/examples.ts';
import { createCalendar } from './business-day.ts';
import { firstRecountedDay, saleDayOf, shareOf } from './rebuild.ts';

const { dayOf } = createCalendar('Asia/Seoul');

describe('a day of the next generation', () => {
  it.each([
    ['2026-03-01', undefined, undefined, 'recounted'],
    ['2026-03-05', '2026-03-05', undefined, 'recounted'],
    ['2026-03-04', '2026-03-05', undefined, 'uncopied'],
    ['2026-03-04', '2026-03-05', '2026-03-03', 'uncopied'],
    ['2026-03-04', '2026-03-05', '2026-03-04', 'copied'],
  ])('when the day is %s, recounted from %s, copied to %s, then its share is %s', (day, firstDay, copiedDay, share) => {
    expect(shareOf(day, { generation: 2, firstDay, copiedDay })).toBe(share);
  });

  it('when an order has completed, then its sale day is that of the completion; other events have none', () => {
    const order = orderAt(Date.parse('2026-03-01T15:00:00Z'), [1, 1]);
    expect(saleDayOf(completed(order), dayOf)).toBe('2026-03-02');
    expect(saleDayOf(cancelled(order), dayOf)).toBe('2026-03-02');
    expect(saleDayOf(cancelled(order, false), dayOf)).toBeUndefined();
    expect(saleDayOf(changed(1, 1, 'x', 1), dayOf)).toBeUndefined();
  });
});

describe('the first recounted day', () => {
  it.each([
    // Midnight in Seoul is 15:00 in UTC.
    ['2026-03-01T15:00:00Z', '2026-03-02'],
    ['2026-03-01T16:00:00Z', '2026-03-03'],
    ['2026-02-28T14:00:00Z', '2026-03-01'],
  ])('when everything is held since %s, then the first recounted day is %s', (since, day) => {
    expect(firstRecountedDay(new Date(since), dayOf)).toBe(day);
  });

  it('when nothing is gone, then all days are recounted', () => {
    expect(firstRecountedDay(undefined, dayOf)).toBeUndefined();
  });
});
