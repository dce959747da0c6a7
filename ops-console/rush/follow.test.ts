import { expect, it } from '@jest/globals';
import { outline } from './follow.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

it('when states are few, then all are sent; when they are many, then a selection with the first and the last', () => {
  expect(outline(upTo(60), 60)).toEqual(upTo(60));
  for (const count of [61, 100, 240, 1_000]) {
    const told = outline(upTo(count), 60);
    expect(new Set(told).size).toBe(60);
    expect([told[0], told.at(-1)]).toEqual([0, count - 1]);
    expect([...told].sort((a, b) => a - b)).toEqual(told);
  }
});
