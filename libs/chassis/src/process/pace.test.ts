import { describe, expect, it } from '@jest/globals';
import { createPace } from './pace.ts';

function paceAfter(sizes: readonly number[]): number {
  const pace = createPace(20);
  for (const size of sizes) {
    pace.started(1_000);
    pace.had(size);
  }
  return pace.wait(1_000);
}

describe('pace', () => {
  it('when nothing has started yet, then the first batch starts at once', () => {
    expect(createPace(20).wait(0)).toBe(0);
  });

  it('when batches hold single items, then there is no pace', () => {
    expect(paceAfter([1, 1, 1])).toBe(0);
  });

  it('when batches are large, then the next one gathers for longer, up to the limit', () => {
    expect(paceAfter([2])).toBe(6);
    expect(paceAfter([2, 2, 3])).toBeGreaterThan(12);
    expect(paceAfter([500])).toBe(20);
  });

  it('when the clock is set back by an hour, then the next batch waits no longer than the pace', () => {
    const pace = createPace(20);
    pace.started(3_600_000);
    pace.had(500);
    expect(pace.wait(0)).toBe(20);
  });

  it("when the pace's time is over, then the next batch starts at once", () => {
    const pace = createPace(20);
    pace.started(1_000);
    pace.had(500);
    expect(pace.wait(1_012)).toBe(8);
    expect(pace.wait(1_020)).toBe(0);
    expect(pace.wait(5_000)).toBe(0);
  });

  it('when the work of a batch takes little, then the next one starts after three times that', () => {
    const pace = createPace(90);
    pace.started(1_000);
    pace.had(500);
    pace.took(5);
    expect(pace.wait(1_005)).toBe(10);
    expect(pace.wait(1_015)).toBe(0);
  });

  it('when nobody waits for the items, then the next batch gathers up to the limit, however little work it is', () => {
    const pace = createPace(400, { patient: true });
    pace.started(1_000);
    pace.had(500);
    pace.took(5);
    expect(pace.wait(1_005)).toBe(395);
  });

  it('when the work of a batch takes long, or its measured time is negative, then no wait is longer than the limit', () => {
    for (const ms of [10_000, -5]) {
      const pace = createPace(90);
      pace.started(1_000);
      pace.had(500);
      pace.took(ms);
      expect(pace.wait(1_000)).toBe(ms > 0 ? 90 : 0);
    }
  });

  it('when load is over, then the pace is forgotten within a few single items', () => {
    expect(paceAfter([40, 1, 1, 1, 1, 1, 1, 1, 1])).toBeLessThan(1);
  });
});
