import { describe, expect, it } from '@jest/globals';
import { corrected, offsetOf } from './measured-offset.ts';

describe('the offset to another clock', () => {
  it('when both clocks agree, then it is within its error of zero, wherever in the round trip the other was read', () => {
    for (const readAt of [1_000, 1_004, 1_020]) {
      const { offsetMs, errorMs } = offsetOf({ sentAt: 1_000, receivedAt: 1_020, theirs: readAt });
      expect(Math.abs(offsetMs)).toBeLessThanOrEqual(errorMs);
    }
  });

  it('when ours is 40 s slow, then the other is 40 s ahead', () => {
    expect(offsetOf({ sentAt: 0, receivedAt: 4, theirs: 40_002 })).toEqual({ offsetMs: 40_000, errorMs: 3 });
  });

  it('when a new comparison agrees with what is known, then the offset stays', () => {
    const before = { offsetMs: 40_000, errorMs: 2 };
    expect(corrected(before, { offsetMs: 40_300, errorMs: 500 })).toBe(before);
    expect(corrected(before, { offsetMs: 40_001, errorMs: 1 })).toEqual({ offsetMs: 40_000, errorMs: 1 });
  });

  it('when a new comparison contradicts it, then it moves as far as needed and no further', () => {
    const before = { offsetMs: 40_000, errorMs: 2 };
    expect(corrected(before, { offsetMs: 40_010, errorMs: 4 })).toEqual({ offsetMs: 40_006, errorMs: 4 });
    expect(corrected(before, { offsetMs: 0, errorMs: 4 })).toEqual({ offsetMs: 4, errorMs: 4 });
  });
});
