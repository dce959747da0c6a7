import { describe, expect, it } from '@jest/globals';
import { duration, moment, reason, table, wholeNumber } from './command.ts';

describe('options of a command', () => {
  const now = new Date('2026-01-31T12:00:00Z');
  it.each([
    ['15m', '2026-01-31T11:45:00.000Z'],
    ['2h', '2026-01-31T10:00:00.000Z'],
    ['1d', '2026-01-30T12:00:00.000Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'],
  ])('when %s is typed, then it is the moment %s', (text, time) => expect(moment(text, now).toISOString()).toBe(time));
  it.each([
    ['90s', '2026-01-31T11:58:30.000Z'],
    ['0m', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T11:59Z', '2026-01-31T11:59:00.000Z'],
    ['2026-01-31T18:30:00.250+09:00', '2026-01-31T09:30:00.250Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('when %s is typed, then it is the moment %s', (text, time) => expect(moment(text, now).toISOString()).toBe(time));
  it.each([
    ['45', 'no unit'],
    ['2026', 'no unit'],
    ['0', 'no unit'],
    ['1767225600000', 'no unit'],
    ['2026-01-31', 'no zone'],
    ['2026-01-31T09:00:00', 'no zone'],
    ['2026-01-31T09:00', 'no zone'],
    ['2026-02-30T00:00:00Z', 'no such time'],
    ['2025-02-29T00:00:00Z', 'no such time'],
    ['2026-01-31T24:00:00Z', 'no such time'],
    ['2026-01-31T09:61:00Z', 'no such time'],
    ['2026-13-01T00:00:00Z', 'no such time'],
    ['2026-01-31T12:00:00.001Z', 'future'],
    ['2026-02-01T00:00:00Z', 'future'],
    ['2045-01-01T00:00:00Z', 'future'],
    ['1999-12-31T23:59:59Z', 'before the year 2000'],
    ['99999999d', 'before the year 2000'],
    ['soon', 'an age'],
    ['', 'an age'],
    [' 1h', 'an age'],
    ['1H', 'an age'],
    ['1M', 'an age'],
    ['1w', 'an age'],
    ['1.5h', 'an age'],
    ['-1h', 'an age'],
    ['1h30m', 'an age'],
    ['99999999999999999999d', 'an age'],
    ['２h', 'an age'],
    ['31 January 2026 09:00 UTC', 'an age'],
    ['01/02/2026', 'an age'],
  ])('when %j is typed for a moment, then it is refused: %s', (text, words) =>
    expect(() => moment(text, now)).toThrow(words),
  );
  it('when a reason has a control character or is too short, then it is refused', () => {
    expect(reason(' a test order ')).toBe('a test order');
    for (const text of ['ab', '   ab  ', 'x'.repeat(501), 'a\u0000bc', 'red \u001b[31m', 'two\nlines'])
      expect(() => reason(text)).toThrow();
  });
  it('when text is no number within limits, then it is refused', () => {
    expect(wholeNumber(0, 5)('5')).toBe(5);
    expect(wholeNumber(0, 5)('05')).toBe(5);
    for (const text of ['6', '-1', '1.5', 'x', '', ' ', '0x1', '1e0', '5s', ' 5', '+5', '٣'])
      expect(() => wholeNumber(0, 5)(text)).toThrow('from 0 to 5');
  });
});

describe('output of a command', () => {
  it('when a table is printed, then it has columns, with numbers to the right', () => {
    expect(
      table([
        ['a', 1],
        ['bcd', 100],
      ]),
    ).toBe('a      1\nbcd  100');
  });
  it.each([
    [12, '12 ms'],
    [1_500, '1.5 s'],
    [150_000, '2.5 min'],
    [9_000_000, '2.5 h'],
  ])('when a duration is %i ms, then it is printed as %s', (ms, words) => expect(duration(ms)).toBe(words));
});
