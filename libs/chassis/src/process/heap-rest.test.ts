import { describe, expect, it } from '@jest/globals';
import { createHeapRest } from './heap-rest.ts';

const MB = 1024 * 1024;
const EVERY_MS = 15_000;

/** A process whose load and memory the test sets; looks are 15 s apart. */
function processUnderTest() {
  const state = { at: 0, cpu: 0, held: 200 * MB, collections: 0 };
  const look = createHeapRest({
    collect() {
      state.collections += 1;
      state.cpu += 150;
      state.held = 95 * MB;
    },
    held: () => state.held,
    cpuMs: () => state.cpu,
    now: () => state.at,
  });
  /** `share`: of a core, since the last look. */
  const after = (share: number) => {
    state.at += EVERY_MS;
    state.cpu += share * EVERY_MS;
    return look();
  };
  return { state, after };
}

describe('the heap at rest', () => {
  it('when a rush is over, then its garbage is collected once, after two calm looks', () => {
    const { state, after } = processUnderTest();
    expect([0.9, 0.6, 0.01, 0.01, 0.01, 0.01].map(after)).toEqual([false, false, false, true, false, false]);
    state.held = 180 * MB;
    expect([0.5, 0.01, 0.01, 0.01].map(after)).toEqual([false, false, true, false]);
    expect(state.collections).toBe(2);
  });

  it('when a process never rests, then it is never collected, however much it holds', () => {
    const { state, after } = processUnderTest();
    state.held = 400 * MB;
    for (const share of [0.2, 0.01, 0.06, 0.01, 0.3]) expect(after(share)).toBe(false);
  });

  it('when little would be freed, or the memory is no garbage, then it is not collected again', () => {
    const { state, after } = processUnderTest();
    expect([0, 0].map(after)).toEqual([false, true]);
    state.held += 20 * MB;
    expect([0, 0, 0].map(after)).toEqual([false, false, false]);
    state.held += 10 * MB;
    expect(after(0)).toBe(true);
  });
});
