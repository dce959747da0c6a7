import { expect, it } from '@jest/globals';
import { createWaitingLine } from './waiting-line.ts';

it('when the line has just begun, then the oldest is served first, and may wait 100 ms', () => {
  const line = createWaitingLine<string>();
  line.add('a', 0);
  line.add('b', 50);
  expect(line.expired(90)).toBeUndefined();
  expect(line.next(90)).toBe('a');
  expect(line.next(90)).toBe('b');
  expect(line.next(90)).toBeUndefined();
  line.add('c', 500);
  expect(line.expired(599)).toBeUndefined();
});

it('when the line was not empty for 100 ms, then the newest is served first, and those waiting for 30 ms are refused', () => {
  const line = createWaitingLine<string>();
  line.add('a', 0);
  for (const [name, at] of [
    ['b', 60],
    ['c', 75],
    ['d', 90],
  ] as const)
    line.add(name, at);
  expect([line.isStanding(99), line.isStanding(100)]).toEqual([false, true]);
  expect([line.expired(100), line.expired(100), line.expired(100)]).toEqual(['a', 'b', undefined]);
  expect([line.next(101), line.next(101), line.next(101)]).toEqual(['d', 'c', undefined]);
});

it('when the line was empty for a while, then it is no longer standing; when only for a moment, then it is', () => {
  const line = createWaitingLine<string>();
  line.add('a', 0);
  expect(line.next(150)).toBe('a');
  line.add('b', 200);
  expect(line.isStanding(210)).toBe(true);
  expect(line.next(210)).toBe('b');
  line.add('c', 310);
  line.add('d', 320);
  expect(line.isStanding(330)).toBe(false);
  expect(line.next(330)).toBe('c');
});

it('when one leaves the line, then the others stay in order', () => {
  const line = createWaitingLine<string>();
  for (const name of ['a', 'b', 'c']) line.add(name, 0);
  expect(line.remove('b', 1)).toBe(true);
  expect(line.remove('b', 1)).toBe(false);
  expect([line.length, line.next(1), line.next(1)]).toEqual([2, 'a', 'c']);
});
