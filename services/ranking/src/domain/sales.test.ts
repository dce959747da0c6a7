import { describe, expect, it } from '@jest/globals';
import { cancelled, changed, completed, orderAt } from '../../test/examples.ts';
import { namesIn, type SalesEvent, sumSales } from './sales.ts';
import { topOf } from './top.ts';

const dayOf = (at: number) => `day ${at}`;

describe('the sales of a batch', () => {
  it('when a batch has sales, then they are summed by day and product, in that order', () => {
    const orders = [orderAt(2, [10, 1]), orderAt(1, [9, 2], [10, 3]), orderAt(1, [10, 4])];
    const events = orders.map((it) => completed(it));
    expect(sumSales(events, dayOf)).toEqual([
      { day: 'day 1', productId: 9, quantity: 2 },
      { day: 'day 1', productId: 10, quantity: 7 },
      { day: 'day 2', productId: 10, quantity: 1 },
    ]);
  });

  it('when an order is cancelled, then its sales are subtracted on the day of completion, even below 0', () => {
    const events = [completed(orderAt(1, [1, 5])), completed(orderAt(2, [1, 1])), cancelled(orderAt(1, [1, 6]))];
    expect(sumSales(events, dayOf)).toEqual([
      { day: 'day 1', productId: 1, quantity: -1 },
      { day: 'day 2', productId: 1, quantity: 1 },
    ]);
  });

  it('when an event is of an uncompleted order or a product, or sums are 0, then no total changes', () => {
    const order = orderAt(1, [1, 5]);
    const nothing = [cancelled(orderAt(1, [1, 5]), false), changed(1, 1, 'Teapot', 5)];
    expect(sumSales([...nothing, completed(order), cancelled(order)], dayOf)).toEqual([]);
  });

  it('when a completed order has no time, then summing throws', () => {
    const event = cancelled(orderAt(1, [1, 5]));
    const timeless = { ...event, data: { ...event.data, completedAt: null } } as SalesEvent;
    expect(() => sumSales([timeless], dayOf)).toThrow('it is not said when');
  });
});

describe('the names in a batch', () => {
  it('when a product changed several times, then the latest name counts, whatever the order', () => {
    const line = completed(orderAt(1, [2, 1]), 'line', 10);
    const events = [line, changed(2, 3, 'new', 30), changed(2, 2, 'old', 20), line];
    expect(namesIn(events)).toEqual([{ productId: 2, name: 'new', price: 30, version: 3 }]);
  });

  it('when no change of a product is known, then the names are those of the lines', () => {
    const events = [completed(orderAt(1, [3, 1], [2, 1]), 'line', 10), cancelled(orderAt(1, [4, 1]))];
    expect(namesIn(events)).toEqual([
      { productId: 2, name: 'line', price: 10, version: 0 },
      { productId: 3, name: 'line', price: 10, version: 0 },
    ]);
  });
});

it('when the top is taken, then it is by quantity, then by product number, without unsold products', () => {
  const sold: [number, number][] = [
    [10, 5],
    [9, 5],
    [100, 7],
    [3, 0],
    [4, -2],
    [2, 5],
  ];
  const totals = sold.map(([productId, quantity]) => ({ productId, quantity }));
  expect(topOf(totals, 3).map((it) => it.productId)).toEqual([100, 2, 9]);
  expect(topOf(totals, 100).map((it) => it.productId)).toEqual([100, 2, 9, 10]);
});
