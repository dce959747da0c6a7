import { describe, expect, it } from '@jest/globals';
import { dayIn, dayStarts, startOf } from './business-days.ts';

describe('business days', () => {
  it.each([
    ['Asia/Seoul', '2026-03-02', '2026-03-01T15:00:00.000Z'],
    ['UTC', '2026-03-02', '2026-03-02T00:00:00.000Z'],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00.000Z'],
    ['Europe/Berlin', '2026-03-30', '2026-03-29T22:00:00.000Z'],
    ['Europe/Berlin', '2026-10-26', '2026-10-25T23:00:00.000Z'],
    ['Asia/Kathmandu', '2026-06-02', '2026-06-01T18:15:00.000Z'],
    ['Pacific/Kiritimati', '2026-06-02', '2026-06-01T10:00:00.000Z'],
    ['Pacific/Pago_Pago', '2026-06-02', '2026-06-02T11:00:00.000Z'],
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z'],
  ])('when the zone is %s, then day %s begins at %s', (zone, day, moment) => {
    const start = startOf(zone, day);
    expect(new Date(start).toISOString()).toBe(moment);
    expect(dayIn(zone, start)).toBe(day);
    expect(dayIn(zone, start - 1) < day).toBe(true);
  });

  it('when days follow each other, then each begins where the one before ends, over months and clock changes', () => {
    const hours = dayStarts('Europe/Berlin', '2026-02-28', '2026-10-26').map(({ from }, index, all) =>
      index === 0 ? 24 : (from - (all[index - 1]?.from ?? 0)) / 3_600_000,
    );
    expect(hours).toHaveLength(242);
    expect(hours.filter((it) => it !== 24)).toEqual([23, 25]);
  });
});
