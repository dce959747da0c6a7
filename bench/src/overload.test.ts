import { describe, expect, it } from '@jest/globals';
import type { Tallied } from './flood/tally.ts';
import { finishedPerSecond, type OverloadStep, overloadSteps } from './overload.ts';
import { renderOverloads } from './overload-report.ts';

const latency = { count: 1, p50: 1, p95: 2, p99: 3, max: 4 };
const tallied: Tallied = {
  offered: 100,
  right: 80,
  refused: 15,
  gone: 3,
  unconnected: 1,
  cut: 1,
  wrong: { '409 OUT_OF_STOCK': 2 },
  finished: 70,
  served: latency,
  refusedIn: latency,
  windows: [],
};
const step: OverloadStep = {
  name: '1 ×',
  factor: 1,
  rate: 10,
  seconds: 10,
  from: 0,
  to: 10_000,
  kinds: { orders: tallied, reads: tallied },
  latestSendMs: 1,
  mostWaiting: 5,
  unsent: 0,
  cpu: {
    processes: [
      { name: 'generator', cpuSeconds: 0.01, rssBytes: 1 },
      { name: 'gateway-1', cpuSeconds: 5, rssBytes: 3 * 2 ** 20 },
    ],
    othersSeconds: 1,
    idleSeconds: 2,
    wallSeconds: 10,
  },
  orders: { completedInStep: 50, placed: 80, missedDeadline: 7, cancelled: { OUT_OF_STOCK: 2 }, toCompleted: latency },
};

describe('an overload', () => {
  it('when an overload is planned, then it goes up to eight times the held rate, and ends at half of it', () => {
    expect(overloadSteps(100, 30, 20).map(({ factor, rate, seconds }) => [factor, rate, seconds])).toEqual([
      [0.5, 50, 5],
      [1, 100, 30],
      [2, 200, 30],
      [4, 400, 30],
      [8, 800, 30],
      [0.5, 50, 20],
    ]);
  });

  it('when a step is over, then completed orders and right answers count as finished', () => {
    expect(finishedPerSecond(step, 'orders')).toBe(5);
    expect(finishedPerSecond(step, 'reads')).toBe(7);
    expect(finishedPerSecond(step, 'coupons')).toBe(0);
  });

  it('when an overload is reported, then served, refused and lost requests are listed apart', () => {
    const about = {
      command: 'npm run bench -- overload sale',
      machine: {
        cores: 2,
        cpu: 'x',
        memoryGb: 1,
        freeMemoryGb: 1,
        loadBefore: 0,
        node: 'v24',
        commit: 'abc',
        at: 'now',
      },
      target: 'a stack',
      binlog: true,
      audit: { ok: true, orders: 1, records: 2, durationMs: 3, failed: [] },
    };
    const overload = { name: 'sale', peak: 10, searched: true, steps: [step], normalAfterSeconds: 4 } as const;
    const text = renderOverloads({ overloads: { sale: { ...about, overload } }, openings: {}, stalls: {} });
    expect(text).toContain('| 1 × | 10 | **5** | 80 % | 1.0 | 2.0 | 3.0 | 15 (15 %) |');
    expect(text).toContain('| 1 × | 80 | 80 | 7 | 2 × OUT_OF_STOCK |');
    expect(text).toContain('A request costs the generator 1 ×: 50 µs of processor time.');
    expect(text).toContain('normal from second **4** on');
    expect(text).toContain('MySQL with a binary log');
    expect(text).not.toContain('undefined');
  });
});
