import { describe, expect, it } from '@jest/globals';
import { median, percentileOf, summarize } from '../flood/percentiles.ts';
import { compareFigures, inWords, sidesOfPair } from './ratios.ts';

describe('figures of pairs', () => {
  it('when figures come in pairs, then the ratio of each pair counts: median, least and most', () => {
    const pairs = [
      { old: { rate: 100 }, new: { rate: 150 } },
      { old: { rate: 200 }, new: { rate: 200 } },
      { old: { rate: 100 }, new: { rate: 120 } },
    ];
    expect(compareFigures(pairs)).toEqual([
      { name: 'rate', old: 100, new: 150, ratio: { median: 1.2, least: 1, most: 1.5 }, pairs: 3 },
    ]);
  });

  it('when an old figure is 0, then there is no ratio; when one side has no figure, then it is left out', () => {
    const pairs = [{ old: { idle: 0, gone: 1 }, new: { idle: 2, added: 3 } }];
    expect(compareFigures(pairs)).toEqual([{ name: 'idle', old: 0, new: 2, pairs: 1 }]);
  });

  it('when a figure is told in a line, then its ratio and spread are beside it, or that there is none', () => {
    const figure = { name: 'p95, ms', old: 100, new: 79.25, pairs: 14 };
    const ratio = { median: 0.785, least: 0.5, most: 1.1 };
    expect(inWords({ ...figure, ratio })).toBe('p95, ms: 100.0 → 79.25, ×0.79 (0.50–1.10)');
    expect(inWords(figure)).toBe('p95, ms: 100.0 → 79.25, no ratio');
  });

  it('when sides of pairs are ordered, then they take turns at being first', () => {
    expect([0, 1, 2, 3].flatMap((pair) => sidesOfPair(pair))).toEqual([
      'old',
      'new',
      'new',
      'old',
      'old',
      'new',
      'new',
      'old',
    ]);
  });
});

describe('percentiles', () => {
  it('when percentiles are taken, then they are of the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(summarize(values)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
    expect(percentileOf([7], 0.5)).toBe(7);
    expect(percentileOf([], 0.5)).toBe(0);
    expect(summarize([])).toEqual({ count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });

  it('when values are unsorted, then percentiles and medians are the same', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBe(0);
  });
});
