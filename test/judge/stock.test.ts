import { describe, expect, it } from '@jest/globals';
import { type Demand, judgeStock } from './stock.ts';

const demand = (orderId: string, end: Demand['end'], called: number, returned: number, quantity = 1): Demand => ({
  orderId,
  end,
  called,
  returned,
  quantity,
  cancelAsked: undefined,
});

describe('answers about one product', () => {
  it('when one shop could have given them, then nothing is found', () => {
    expect(judgeStock(2, [demand('a', 'SOLD', 0, 1, 2), demand('b', 'SOLD_OUT', 2, 3)])).toEqual([]);
  });

  it('when more is sold than there is, then it is found', () => {
    expect(judgeStock(1, [demand('a', 'SOLD', 0, 1), demand('b', 'SOLD', 0, 1)])).toEqual(['2 pieces of 1 were sold']);
  });

  it('when a piece came back and was sold again, then that is no fault', () => {
    const cancelled = { ...demand('a', 'SOLD', 0, 1), cancelAsked: 2 };
    expect(judgeStock(1, [cancelled, demand('b', 'SOLD', 3, 4)])).toEqual([]);
  });

  it('when it is called sold out while enough is there, then it is found', () => {
    expect(judgeStock(5, [demand('a', 'SOLD', 0, 1, 3), demand('b', 'SOLD_OUT', 2, 3, 2)])).toEqual([
      'order b of 2 was told sold out when at most 3 of 5 were taken',
    ]);
    expect(judgeStock(5, [demand('b', 'SOLD_OUT', 0, 1, 2), demand('a', 'SOLD', 2, 3, 5)])).toHaveLength(1);
  });

  it('when an order without an end may hold the pieces, then sold out is no contradiction', () => {
    expect(judgeStock(5, [demand('a', 'OTHER', 0, Infinity, 4), demand('b', 'SOLD_OUT', 2, 3, 2)])).toEqual([]);
  });
});
