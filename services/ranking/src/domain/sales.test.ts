import { describe, expect, it } from '@jest/globals';
import { namesIn, type SalesEvent, sumSales } from './sales.ts';
import { topOf } from './top.ts';

const dayOf = (at: number) => `day ${at}`;
type Lines = [productId: number, quantity: number][];

function completed(completedAt: number, lines: Lines, name = 'Teapot', price = 100): SalesEvent {
  const amounts = { totalAmount: 0, discountAmount: 0, paidAmount: 0 };
  const named = lines.map(([productId, quantity]) => ({ productId, quantity, name, unitPrice: price }));
  return {
    type: 'order-completed',
    data: { orderId: 'o', userId: 1, couponId: null, lines: named, ...amounts, completedAt },
  };
}

function cancelled(completedAt: number | null, lines: Lines, wasCompleted = true): SalesEvent {
  const pieces = lines.map(([productId, quantity]) => ({ productId, quantity }));
  return {
    type: 'order-cancelled',
    data: {
      orderId: 'o',
      userId: 1,
      couponId: null,
      reason: 'ORDER_CANCELLED',
      wasCompleted,
      completedAt,
      lines: pieces,
    },
  };
}

function changed(productId: number, version: number, name: string, price: number): SalesEvent {
  const rest = { stockDelta: 0, requestId: 'r', idempotencyKey: null, requestHash: null };
  return { type: 'product-changed', data: { productId, change: 'UPDATED', name, price, version, ...rest } };
}

describe('the sales of a batch', () => {
  it('are summed by day and product, in that order', () => {
    const events = [
      completed(2, [[10, 1]]),
      completed(1, [
        [9, 2],
        [10, 3],
      ]),
      completed(1, [[10, 4]]),
    ];
    expect(sumSales(events, dayOf)).toEqual([
      { day: 'day 1', productId: 9, quantity: 2 },
      { day: 'day 1', productId: 10, quantity: 7 },
      { day: 'day 2', productId: 10, quantity: 1 },
    ]);
  });

  it('are taken back from the day of the completion, and may be negative', () => {
    expect(sumSales([completed(1, [[1, 5]]), completed(2, [[1, 1]]), cancelled(1, [[1, 6]])], dayOf)).toEqual([
      { day: 'day 1', productId: 1, quantity: -1 },
      { day: 'day 2', productId: 1, quantity: 1 },
    ]);
  });

  it('are not touched by an order that never completed, by a product, or by what adds up to nothing', () => {
    const nothing = [cancelled(null, [[1, 5]], false), changed(1, 1, 'Teapot', 5)];
    expect(sumSales([...nothing, completed(1, [[1, 5]]), cancelled(1, [[1, 5]])], dayOf)).toEqual([]);
  });

  it('cannot be told of a completed order without its time', () => {
    expect(() => sumSales([cancelled(null, [[1, 5]])], dayOf)).toThrow('it is not said when');
  });
});

describe('the names in a batch', () => {
  it('are those of the latest change, whatever the order', () => {
    const events = [changed(2, 3, 'new', 30), changed(2, 2, 'old', 20), completed(1, [[2, 1]], 'line', 10)];
    expect(namesIn(events)).toEqual([{ productId: 2, name: 'new', price: 30, version: 3 }]);
  });

  it('are those of the lines where nothing better is known', () => {
    expect(
      namesIn([
        completed(
          1,
          [
            [3, 1],
            [2, 1],
          ],
          'line',
          10,
        ),
        cancelled(1, [[4, 1]]),
      ]),
    ).toEqual([
      { productId: 2, name: 'line', price: 10, version: 0 },
      { productId: 3, name: 'line', price: 10, version: 0 },
    ]);
  });
});

it('the top is by quantity, then by the number of the product, without what is not sold', () => {
  const totals = [
    [10, 5],
    [9, 5],
    [100, 7],
    [3, 0],
    [4, -2],
    [2, 5],
  ].map(([productId = 0, quantity = 0]) => ({
    productId,
    quantity,
  }));
  expect(topOf(totals, 3).map((it) => it.productId)).toEqual([100, 2, 9]);
  expect(topOf(totals, 100).map((it) => it.productId)).toEqual([100, 2, 9, 10]);
});
