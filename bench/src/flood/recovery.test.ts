import { describe, expect, it } from '@jest/globals';
import { completionNormalFrom, normalFrom, recoveredAfter } from './recovery.ts';
import type { Tallied, Window } from './tally.ts';

const second = (p95: number, right = 100, offered = 100): Window => ({
  offered,
  right,
  refused: 0,
  p50: 1,
  p95,
  p99: p95,
});
const kind = (p95: number, windows: Window[] = []) => ({ served: { p95 }, windows }) as unknown as Tallied;

describe('the return to normal times', () => {
  it('when no later second is slow, then normal times begin with that second', () => {
    expect(normalFrom([second(900), second(10), second(30), second(19), second(10)], 10)).toBe(3);
    expect(normalFrom([second(19), second(10)], 10)).toBe(0);
  });

  it('when requests are refused or lost, then times are not normal', () => {
    expect(normalFrom([second(10, 98), second(10, 99), second(10)], 10)).toBe(1);
    expect(normalFrom([second(0, 0), second(10)], 10)).toBe(1);
  });

  it('when the last second is slow, then times are not normal', () => {
    expect(normalFrom([second(10), second(20)], 10)).toBeUndefined();
  });

  it('when a mix has several kinds, then the slowest kind counts', () => {
    const base = { kinds: { a: kind(10), b: kind(100) } };
    const after = {
      kinds: { a: kind(0, [second(30), second(10)]), b: kind(0, [second(900), second(300), second(150)]) },
    };
    expect(recoveredAfter(after, base)).toBe(2);
    expect(recoveredAfter({ kinds: { ...after.kinds, a: kind(0, [second(90)]) } }, base)).toBeUndefined();
  });

  it('when completions are judged, then by the time their orders were placed', () => {
    const rows = [
      { at: 1_000, ms: 5_000 },
      { at: 1_900, ms: 10 },
      { at: 2_100, ms: -1 },
      { at: 3_500, ms: 15 },
      { at: 9_000, ms: 9_999 },
    ];
    expect(completionNormalFrom(rows, 1_000, 3, 10)).toBe(2);
    expect(completionNormalFrom(rows, 1_000, 1, 10)).toBeUndefined();
  });
});
