import type { Latency } from '../latency.ts';

/** The value below which this share of the sorted values lies (nearest rank); 0 for no values. @param share 0 to 1 */
export function percentileOf(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 0
    ? ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
    : (sorted[Math.floor(middle)] ?? 0);
}

/** Sorts the values in place. */
export function summarize(values: number[]): Latency {
  values.sort((a, b) => a - b);
  return {
    count: values.length,
    p50: percentileOf(values, 0.5),
    p95: percentileOf(values, 0.95),
    p99: percentileOf(values, 0.99),
    max: values.at(-1) ?? 0,
  };
}
