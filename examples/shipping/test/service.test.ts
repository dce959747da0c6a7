import '../../../test/support/with-examples.ts';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { nextUserId, type Problem } from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { type RunningService, runService } from '../../../test/support/running-service.ts';
import { cancelledData, completedData } from './examples.ts';

let shipping: RunningService;

beforeAll(async () => {
  shipping = await runService('shipping', 'shipping-events');
}, 120_000);
afterAll(() => shipping?.stop());

const newOrder = () => ({ orderId: uuidv7(), userId: nextUserId() });
type Order = ReturnType<typeof newOrder>;
const completed = (order: Order): NewEvent => ({ type: 'order-completed', data: { ...completedData, ...order } });
const cancelled = (order: Order, wasCompleted = true): NewEvent => ({
  type: 'order-cancelled',
  data: { ...cancelledData, ...order, wasCompleted },
});
const read = ({ orderId, userId }: Order) =>
  shipping.api.request<Problem & { status: string; pieces: number }>('GET', `/shipments/${orderId}`, {
    query: { userId },
  });

it('when an order completes and is cancelled, then its parcel is requested and cancelled, each once', async () => {
  const order = newOrder();
  await shipping.publish(completed(order), completed(order));
  await shipping.hear(order.orderId);
  expect((await read(order)).body).toMatchObject({ orderId: order.orderId, status: 'REQUESTED', pieces: 5 });
  await shipping.publish(cancelled(order), completed(order), cancelled(order));
  const heard = await shipping.hear(order.orderId, 2);
  expect(heard.map(({ type, data }) => [type, data.orderId])).toEqual([
    ['shipment-requested', order.orderId],
    ['shipment-cancelled', order.orderId],
  ]);
  expect((await read(order)).body.status).toBe('CANCELLED');
  // A later order's event is behind all of them: no more events of this order were published.
  const next = newOrder();
  await shipping.publish(completed(next));
  await shipping.hear(next.orderId);
  expect(shipping.heard.filter(({ key }) => key === order.orderId)).toHaveLength(2);
});

it('when the service is killed, then another process continues, and each parcel is requested once', async () => {
  const orders = Array.from({ length: 50 }, newOrder);
  await shipping.publish(...orders.map(completed));
  await shipping.process.kill9();
  await shipping.startAgain();
  for (const { orderId } of orders) await shipping.hear(orderId);
  const [row] = await shipping.database.query<{ n: number }>(
    `SELECT COUNT(*) AS n FROM shipments WHERE status = 'REQUESTED' AND order_id IN (${orders.map(() => '?').join(', ')})`,
    orders.map(({ orderId }) => orderId),
  );
  expect(row?.n).toBe(50);
}, 120_000);

it("when an order never completed, is another user's, or does not exist, then there is no shipment", async () => {
  const [dead, order] = [newOrder(), newOrder()];
  await shipping.publish(cancelled(dead, false), completed(order));
  await shipping.hear(order.orderId);
  const asked = [dead, { ...order, userId: nextUserId() }, { ...order, orderId: 'x' }, { ...order, orderId: uuidv7() }];
  for (const each of asked) expect(await read(each)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  expect(shipping.heard.filter(({ key }) => key === dead.orderId)).toEqual([]);
});

it('when an id is written in capitals, then it is the same order', async () => {
  const order = newOrder();
  await shipping.publish(completed(order));
  await shipping.hear(order.orderId);
  const found = await eventually('the shipment', () => read({ ...order, orderId: order.orderId.toUpperCase() }));
  expect(found.body).toMatchObject({ orderId: order.orderId, status: 'REQUESTED' });
});
