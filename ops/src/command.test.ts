import { describe, expect, it } from '@jest/globals';
import { duration, moment, table, wholeNumber } from './command.ts';

describe('options of a command', () => {
  const now = new Date('2026-01-31T12:00:00Z');
  it.each([
    ['15m', '2026-01-31T11:45:00.000Z'],
    ['2h', '2026-01-31T10:00:00.000Z'],
    ['1d', '2026-01-30T12:00:00.000Z'],
    ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000Z'],
  ])('when %s is typed, then it is the moment %s', (text, time) => expect(moment(text, now).toISOString()).toBe(time));
  it('when text is no moment, then it is refused', () => expect(() => moment('soon', now)).toThrow('an age'));
  it('when text is no number within limits, then it is refused', () => {
    expect(wholeNumber(0, 5)('5')).toBe(5);
    for (const text of ['6', '-1', '1.5', 'x']) expect(() => wholeNumber(0, 5)(text)).toThrow('from 0 to 5');
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
