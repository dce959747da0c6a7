import { describe, expect, it } from '@jest/globals';
import { createCalendar, isTimeZone } from './business-day.ts';

const dayIn = (zone: string, at: string) => createCalendar(zone).dayOf(Date.parse(at));

describe('the business day of a moment', () => {
  it.each([
    ['Asia/Seoul', '2026-03-01T14:59:59.999Z', '2026-03-01'],
    ['Asia/Seoul', '2026-03-01T15:00:00.000Z', '2026-03-02'],
    ['UTC', '2026-12-31T23:59:59.999Z', '2026-12-31'],
    ['UTC', '2027-01-01T00:00:00.000Z', '2027-01-01'],
    // Daylight saving time: the day of the change has 23 hours, that of the change back 25.
    ['Europe/Berlin', '2026-03-28T22:59:59.999Z', '2026-03-28'],
    ['Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29'],
    ['Europe/Berlin', '2026-03-29T21:59:59.999Z', '2026-03-29'],
    ['Europe/Berlin', '2026-03-29T22:00:00.000Z', '2026-03-30'],
    ['Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-25'],
    ['Europe/Berlin', '2026-10-25T23:00:00.000Z', '2026-10-26'],
    // Half and quarter hours, both sides of the date line, and daylight saving of half an hour.
    ['Asia/Kolkata', '2026-06-01T18:29:59.999Z', '2026-06-01'],
    ['Asia/Kolkata', '2026-06-01T18:30:00.000Z', '2026-06-02'],
    ['Asia/Kathmandu', '2026-06-01T18:15:00.000Z', '2026-06-02'],
    ['Pacific/Kiritimati', '2026-06-01T10:00:00.000Z', '2026-06-02'],
    ['Pacific/Pago_Pago', '2026-06-02T10:59:59.999Z', '2026-06-01'],
    ['Australia/Lord_Howe', '2026-01-01T12:59:59.999Z', '2026-01-01'],
    ['Australia/Lord_Howe', '2026-01-01T13:00:00.000Z', '2026-01-02'],
    // In Sao_Paulo midnight is skipped; in St_Johns the clock goes back one minute after midnight, into the day before.
    ['America/Sao_Paulo', '2018-11-04T02:59:59.999Z', '2018-11-03'],
    ['America/Sao_Paulo', '2018-11-04T03:00:00.000Z', '2018-11-04'],
    ['America/St_Johns', '2006-10-29T02:30:30.000Z', '2006-10-29'],
    ['America/St_Johns', '2006-10-29T02:31:00.000Z', '2006-10-28'],
  ])('when the zone is %s and the time %s, then the business day is %s', (zone, at, day) => {
    expect(dayIn(zone, at)).toBe(day);
  });

  it('when a day is asked for again, then it is the same', () => {
    const calendar = createCalendar('Europe/Berlin');
    const border = Date.parse('2026-03-28T23:00:00Z');
    const minutes = [-2, -1, 0, 1].map((minute) => border + minute * 60_000);
    const first = minutes.map(calendar.dayOf);
    expect(first).toEqual(['2026-03-28', '2026-03-28', '2026-03-29', '2026-03-29']);
    for (let turn = 0; turn < 12_000; turn++) calendar.dayOf(turn * 60_000);
    expect(minutes.map((at) => calendar.dayOf(at + 59_999))).toEqual(first);
  });

  it('when a number is no moment, then there is no business day', () => {
    expect(() => createCalendar('UTC').dayOf(Number.MAX_SAFE_INTEGER)).toThrow(RangeError);
  });
});

describe('the last days', () => {
  it.each([
    ['Asia/Seoul', '2026-03-01T15:00:00Z', ['2026-03-02', '2026-03-01', '2026-02-28']],
    ['Europe/Berlin', '2026-03-29T22:30:00Z', ['2026-03-30', '2026-03-29', '2026-03-28']],
    ['Europe/Berlin', '2026-10-25T23:30:00Z', ['2026-10-26', '2026-10-25', '2026-10-24']],
    ['UTC', '2028-03-01T00:00:00Z', ['2028-03-01', '2028-02-29', '2028-02-28']],
  ])('when the zone is %s and the time %s, then the last days are %j', (zone, at, days) => {
    expect(createCalendar(zone).lastDays(Date.parse(at), days.length)).toEqual(days);
  });
});

it.each([
  ['Asia/Seoul', true],
  ['UTC', true],
  ['Asia/Soul', false],
  ['', false],
])('when %j is checked as a time zone, then the result is %s', (name, is) => {
  expect(isTimeZone(name)).toBe(is);
});
