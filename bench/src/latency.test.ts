import { describe, expect, it } from '@jest/globals';
import { build } from 'hdr-histogram-js';
import { createLatency } from './latency.ts';

describe('latencies', () => {
  it('when latencies are recorded, then percentiles count each as often as it came', () => {
    const latency = createLatency(build);
    for (let ms = 1; ms <= 100; ms++) latency.record(ms, 10);
    const { count, p50, p95, p99, max } = latency.summary();
    expect(count).toBe(1_000);
    for (const [value, expected] of [
      [p50, 50],
      [p95, 95],
      [p99, 99],
      [max, 100],
    ] as const) {
      expect(value).toBeGreaterThanOrEqual(expected * 0.99);
      expect(value).toBeLessThanOrEqual(expected * 1.01);
    }
  });

  it('when there are no latencies, then the figures are zero', () => {
    expect(createLatency(build).summary()).toEqual({ count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });
});
