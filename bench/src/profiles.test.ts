import { describe, expect, it } from '@jest/globals';
import { orderBody, profileOf, seeded } from './profiles.ts';

describe('orders of a load', () => {
  it('when the seed is the same, then the orders are the same', () => {
    const bodies = (seed: number) => {
      const random = seeded(seed);
      return Array.from({ length: 5 }, () => orderBody(profileOf(3, false), 100, [1, 2, 3, 4, 5], random));
    };
    expect(bodies(7)).toEqual(bodies(7));
    expect(bodies(7)).not.toEqual(bodies(8));
  });

  it('when an order has several lines, then each names another product', () => {
    const random = seeded(1);
    for (let i = 0; i < 200; i++) {
      const { items, userId } = orderBody(profileOf(3, false), 10, [1, 2, 3, 4], random);
      expect(new Set(items.map(({ productId }) => productId)).size).toBe(3);
      expect(userId).toBeGreaterThanOrEqual(1);
      expect(userId).toBeLessThanOrEqual(10);
    }
  });

  it('when a profile is hot, then all orders want the first product', () => {
    const random = seeded(1);
    const products = Array.from(
      { length: 50 },
      () => orderBody(profileOf(1, true), 10, [9, 2], random).items[0]?.productId,
    );
    expect(new Set(products)).toEqual(new Set([9]));
  });

  it('when no profile matches, then it is refused', () => {
    expect(() => profileOf(3, true)).toThrow('--lines 1');
  });
});
