import { describe, expect, it } from '@jest/globals';
import { judgeSoak, weightedPercentile } from './soak.ts';

const minute = (p99: number, rssMib: number) => ({
  answers: { orders: { offered: 1, right: 1, p50: 1, p99 } },
  processes: [
    { name: 'order-1', cpuSeconds: 1, rssBytes: rssMib * 2 ** 20 },
    { name: 'mysql', cpuSeconds: 1, rssBytes: p99 * 2 ** 30 },
  ],
});
const minutes = (length: number, of: (index: number) => ReturnType<typeof minute>) =>
  Array.from({ length }, (_, index) => of(index));

describe('the verdict of a soak', () => {
  it('when the end is as quick as the beginning and takes no more memory, then the verdict is good', () => {
    const verdict = judgeSoak(minutes(30, (index) => minute(index === 25 ? 900 : 100 + index, 150)));
    expect(verdict).toMatchObject({ ok: true, reasons: [], p99: { first: 104, last: 124 } });
    expect(Object.keys(verdict.memory)).toEqual(['order-1']);
  });

  it('when the last third is slower, then the verdict is bad', () => {
    const { ok, reasons } = judgeSoak(minutes(30, (index) => minute(index < 20 ? 100 : 131, 150)));
    expect(ok).toBe(false);
    expect(reasons).toEqual(['the p99 of the orders grew from 100 to 131 ms']);
  });

  it('when a service keeps growing, then the verdict is bad, but not when it grew only at first', () => {
    expect(judgeSoak(minutes(30, (index) => minute(100, 100 + 5 * index))).reasons).toEqual([
      'the memory of order-1 grew from 173 to 223 MiB',
    ]);
    expect(judgeSoak(minutes(30, (index) => minute(100, index < 10 ? 80 : 200))).ok).toBe(true);
  });

  it('when a soak is short, then it has a verdict too', () => {
    expect(judgeSoak(minutes(1, () => minute(100, 100))).ok).toBe(true);
    expect(judgeSoak(minutes(2, (index) => minute(100 * (index + 1), 100))).ok).toBe(false);
  });
});

describe('a percentile of counted values', () => {
  it('when values are counted, then the percentile is that of the values themselves', () => {
    const rows = [
      { ms: 30, n: 1 },
      { ms: 10, n: 98 },
      { ms: 20, n: 1 },
    ];
    expect(weightedPercentile(rows, 0.5)).toBe(10);
    expect(weightedPercentile(rows, 0.99)).toBe(20);
    expect(weightedPercentile(rows, 1)).toBe(30);
    expect(weightedPercentile([], 0.5)).toBe(0);
  });
});
