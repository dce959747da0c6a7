import { expect, it } from '@jest/globals';
import { chartOf } from '../../../../storefront/rush-chart.ts';
import type { Rush } from '../../../../storefront/types.ts';

const state = (elapsedMs: number, issued: number, completed: number, refused: Record<string, number>): Rush =>
  ({ elapsedMs, coupons: { issued }, orders: { completed, refused } }) as Rush;
const SIZE = { width: 100, height: 50 };

it('when there are no states yet, then the chart has no lines', () => {
  expect(chartOf([], SIZE)).toEqual({ lines: { issued: '', sold: '', refused: '' }, most: 1, ms: 1 });
});

it('when a rush goes on, then the newest moment is at the right, the greatest value at the top, and 0 at the bottom', () => {
  const chart = chartOf(
    [
      state(0, 0, 0, {}),
      state(500, 10, 5, { OUT_OF_STOCK: 1 }),
      state(1_000, 10, 8, { OUT_OF_STOCK: 15, PRICE_CHANGED: 5 }),
    ],
    SIZE,
  );
  expect(chart).toEqual({
    lines: { issued: '0,50 50,25 100,25', sold: '0,50 50,38 100,30', refused: '0,50 50,48 100,0' },
    most: 20,
    ms: 1_000,
  });
});
