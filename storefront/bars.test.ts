import { expect, it } from '@jest/globals';
import { lengthsOf } from './bars.ts';

const bar = (value: number) => ({ name: 'payment', value, bad: false });

it('when values differ a thousandfold, then the small one is still seen, and nothing has no length', () => {
  const [none, one, many] = lengthsOf([bar(0), bar(1), bar(10_000)], 300);
  expect([none, many]).toEqual([0, 300]);
  expect(one).toBeGreaterThan(15);
  expect(lengthsOf([bar(0)], 300)).toEqual([0]);
});
