import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EXPERIMENTS } from './index.ts';
import { cached } from './popular-cache.ts';
import { difference } from './ranking-updates.ts';
import { checkReport } from './report.ts';
import { businessDay, dailyTotals, lastDays, popularOf, type Sale } from './sales.ts';

describe('the reports of the experiments', () => {
  it.each(EXPERIMENTS)(
    'when $name is an experiment, then it has a report with a place for each of its tables',
    (experiment) => {
      expect(() => checkReport(experiment)).not.toThrow();
    },
  );

  it('when a report exists, then it is in the index', () => {
    const folder = resolve(import.meta.dirname, '../../../docs/reports');
    const index = readFileSync(resolve(folder, 'README.md'), 'utf8');
    const reports = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
    expect(reports.filter((name) => !index.includes(`(${name})`))).toEqual([]);
  });
});

describe('a value kept for a while', () => {
  it('when many ask for a value at the same time, then it is read once', async () => {
    let reads = 0;
    const read = cached(() => Promise.resolve(++reads), 60_000);
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1]);
    expect(await read()).toBe(1);
  });

  it('when a value is too old, then it is read again; when reading failed, then at once', async () => {
    let reads = 0;
    const read = cached(() => (++reads === 1 ? Promise.reject(new Error('away')) : Promise.resolve(reads)), 0);
    await expect(read()).rejects.toThrow('away');
    expect(await read()).toBe(2);
    expect(await read()).toBe(3);
  });
});

describe('sales by business day', () => {
  const sale = (at: string, productId: number, quantity: number, completed = true): Sale => ({
    orderId: at,
    userId: 1,
    at: new Date(at),
    completed,
    lines: [{ productId, quantity }],
  });

  it('when sales are counted by day, then by the day of Seoul, without cancelled orders', () => {
    const totals = dailyTotals([
      sale('2026-01-27T14:59:59.999Z', 1, 1),
      sale('2026-01-27T15:00:00.000Z', 1, 2),
      sale('2026-01-28T00:00:00.000Z', 1, 4),
      sale('2026-01-28T00:00:00.000Z', 1, 8, false),
    ]);
    expect([...totals]).toEqual([
      ['2026-01-27 1', 1],
      ['2026-01-28 1', 6],
    ]);
  });

  it('when sales are summed over the window, then the best sold come first, equal ones by id', () => {
    const totals = new Map([
      ['2026-01-27 9', 100],
      ['2026-01-28 3', 5],
      ['2026-01-29 2', 2],
      ['2026-01-30 2', 3],
      ['2026-01-30 1', 4],
    ]);
    expect(popularOf(totals, lastDays(3).days, 2)).toEqual([
      { productId: 2, sold: 5 },
      { productId: 3, sold: 5 },
    ]);
  });

  it('when the last days are asked for, then their bounds are the first and last moment of these days', () => {
    const { days, from, to } = lastDays(3);
    expect([businessDay(from), businessDay(new Date(to.getTime() - 1))]).toEqual([days[0], days[2]]);
    expect(businessDay(new Date(from.getTime() - 1))).not.toBe(days[0]);
  });

  it('when two rankings differ, then the difference is the pieces that only one of them has', () => {
    expect(
      difference(
        new Map([
          ['a', 1],
          ['b', 5],
        ]),
        new Map([
          ['b', 2],
          ['c', 4],
        ]),
      ),
    ).toBe(8);
  });
});
