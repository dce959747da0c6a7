import type { build } from 'hdr-histogram-js';

/** Latencies in milliseconds, to three digits. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Collects latencies in a histogram, so that a long run costs no more memory than a short one. */
export function createLatency(buildHistogram: typeof build): {
  record(ms: number, times?: number): void;
  summary(): Latency;
} {
  const histogram = buildHistogram({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 600_000_000,
    numberOfSignificantValueDigits: 3,
  });
  const at = (percentile: number) => histogram.getValueAtPercentile(percentile) / 1_000;
  return {
    record: (ms, times = 1) => histogram.recordValueWithCount(Math.max(1, Math.round(ms * 1_000)), times),
    summary: () =>
      histogram.totalCount === 0
        ? { count: 0, p50: 0, p95: 0, p99: 0, max: 0 }
        : { count: histogram.totalCount, p50: at(50), p95: at(95), p99: at(99), max: histogram.maxValue / 1_000 },
  };
}
