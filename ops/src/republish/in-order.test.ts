import { expect, it } from '@jest/globals';
import { PUBLICATIONS } from '../../../services/publications.ts';
import { byKeyInOrder, chunksOfKeys, STEP } from './in-order.ts';

const event = (key: string, type: string, at: number) => ({ key, type, at: new Date(at) });

it('when clocks of services differ, then the events of an order come in the order of the saga', () => {
  const order = [
    event('o', 'order-cancelled', 1),
    event('o', 'stock-reserved', 3),
    event('o', 'order-completed', 2),
    event('o', 'order-created', 4),
  ];
  expect(byKeyInOrder(order).map((own) => own.map(({ type }) => type))).toEqual([
    ['order-created', 'stock-reserved', 'order-completed', 'order-cancelled'],
  ]);
});

it('when several keys have missed events, then the oldest comes first, and a key stays as its publisher gave it', () => {
  const changes = [
    event('b', 'product-changed', 5),
    event('a', 'product-changed', 2),
    event('b', 'product-changed', 4),
  ];
  expect(byKeyInOrder(changes).map((own) => own.map(({ key, at }) => `${key}${at.getTime()}`))).toEqual([
    ['a2'],
    ['b5', 'b4'],
  ]);
});

it('when events are written in parts, then no key is divided', () => {
  expect(chunksOfKeys([[1, 2], [3], [4, 5, 6, 7], [8]], 3)).toEqual([[1, 2, 3], [4, 5, 6, 7], [8]]);
});

it('when rows tell an event again, then it has a place among those of its key', () => {
  const types = PUBLICATIONS.flatMap((publication) => publication.types);
  expect(types.filter((type) => STEP[type] === undefined)).toEqual([]);
});
