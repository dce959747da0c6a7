import { describe, expect, it } from '@jest/globals';
import { createTally } from './tally.ts';

const answered = (status: number, body = '') => ({
  kind: 'answered' as const,
  answer: { status, body, retryAfterSeconds: undefined, closes: false },
});

describe('the tally of a step', () => {
  it('when right answers and refusals come, then their times are kept apart', () => {
    const tally = createTally(1_000);
    for (const ms of [10, 20, 30]) tally.end(0, answered(200), [200], ms);
    for (const ms of [1, 2]) tally.end(0, answered(503), [200], ms);
    tally.end(0, answered(429), [200], 3);
    const { right, refused, served, refusedIn } = tally.result();
    expect({ right, refused }).toEqual({ right: 3, refused: 3 });
    expect(served).toEqual({ count: 3, p50: 20, p95: 30, p99: 30, max: 30 });
    expect(refusedIn).toEqual({ count: 3, p50: 2, p95: 3, p99: 3, max: 3 });
  });

  it('when requests get no answer or a wrong one, then the tally says which', () => {
    const tally = createTally(1_000);
    for (const kind of ['gone', 'gone', 'cut', 'unconnected'] as const) tally.end(0, { kind }, [200], 10_000);
    tally.end(0, answered(409, '{"code": "OUT_OF_STOCK"}'), [200], 5);
    tally.end(0, answered(500), [200], 5);
    expect(tally.result()).toMatchObject({
      gone: 2,
      cut: 1,
      unconnected: 1,
      right: 0,
      wrong: { '409 OUT_OF_STOCK': 1, '500': 1 },
      served: { count: 0 },
    });
  });

  it('when a request ends late, then it counts in the window in which it was due', () => {
    const tally = createTally(1_000);
    for (const due of [0, 999, 1_000, 2_500]) tally.offer(due);
    tally.end(2_500, answered(200), [200], 7);
    tally.end(0, answered(200), [200], 9_000);
    tally.end(1_000, answered(503), [200], 1);
    tally.end(999, { kind: 'gone' }, [200], 10_000);
    expect(tally.result().windows).toEqual([
      { offered: 2, right: 1, refused: 0, p50: 9_000, p95: 9_000, p99: 9_000 },
      { offered: 1, right: 0, refused: 1, p50: 0, p95: 0, p99: 0 },
      { offered: 1, right: 1, refused: 0, p50: 7, p95: 7, p99: 7 },
    ]);
  });

  it('when an answer is tallied, then it is right or not, and finished requests are counted apart', () => {
    const tally = createTally(1_000);
    expect(tally.end(0, answered(202), [202, 201], 1)).toBe(true);
    expect(tally.end(0, answered(200), [202, 201], 1)).toBe(false);
    tally.finish();
    expect(tally.result()).toMatchObject({ right: 1, finished: 1, wrong: { '200': 1 } });
  });
});
