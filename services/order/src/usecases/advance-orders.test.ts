import { expect, it } from '@jest/globals';
import { deriveEventId, type ReceivedEvent } from '@shop/events';
import { CREATED, inputs, ORDER_ID } from '../../test/examples.ts';
import { type Changes, UnknownOrder } from '../domain/batch.ts';
import { place } from '../domain/place.ts';
import { createAdvanceOrders } from './advance-orders.ts';

const origin = { time: CREATED, topic: 'catalog-events', partition: 0, offset: '0' };
const data = inputs['stock-reserved'].data;

function reserved(orderId: string): ReceivedEvent<'stock-reserved'> {
  const id = deriveEventId(orderId, 'stock-reserved');
  return { ...origin, id, key: orderId, type: 'stock-reserved', data: { ...data, orderId } };
}

it('when gaps are accepted, then events of unknown orders are left out and counted, and the others are decided', async () => {
  const placement = { orderId: ORDER_ID, userId: 7, couponId: null, expectedTotal: null, traceparent: null };
  const { order } = place({ ...placement, lines: [{ productId: 1, quantity: 2 }] }, CREATED);
  const saved: Changes[] = [];
  const deps = {
    store: {
      load: async () => new Map([[ORDER_ID, order]]),
      loadExpired: async () => new Map(),
      save: async (_: object, changes: Changes) => void saved.push(changes),
    },
    outbox: { append: async () => {} },
    now: () => CREATED,
  };
  const events = [reserved('unknown'), reserved(ORDER_ID)];
  await expect(createAdvanceOrders<object>(deps)({}, events)).rejects.toThrow(UnknownOrder);
  const leftOut: ReceivedEvent[] = [];
  await createAdvanceOrders<object>({ ...deps, leftOut: (unknown) => void leftOut.push(...unknown) })({}, events);
  expect(leftOut).toEqual([events[0]]);
  expect(saved.map(({ steps }) => steps.map((step) => step.orderId))).toEqual([[ORDER_ID]]);
});
