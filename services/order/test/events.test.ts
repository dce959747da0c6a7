import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { deriveEventId, type NewEvent } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { type Api, nextUserId, type OrderBody } from '../../../test/support/api.ts';
import { eventually } from '../../../test/support/eventually.ts';
import {
  type FollowOptions,
  followOrder,
  followPatiently,
  type OrderStream,
} from '../../../test/support/order-stream.ts';
import { type RunningService, runService } from '../../../test/support/running-service.ts';

// The order service runs as a process; the test plays catalog and payment.
const MAX_STREAMS = 1_100;
let service: RunningService;
let api: Api;

beforeAll(async () => {
  service = await runService('order', 'order-events', {
    ORDER_DEADLINE_MS: '600000',
    // Orders end when a test decides, not by a saga, and a thousand come at once.
    PLACE_WITHIN_MS: '30000',
    ORDER_BACKLOG_TARGET_MS: '300000',
    ORDER_BACKLOG_FLOOR: '5000',
    MAX_STREAMS: String(MAX_STREAMS),
  });
  api = service.api;
}, 120_000);
afterAll(() => service?.stop());

const LINES = [{ productId: 1, name: 'lamp', unitPrice: 500, quantity: 2 }];
function reserved({ orderId, userId }: OrderBody): NewEvent {
  return { type: 'stock-reserved', data: { orderId, userId, couponId: null, lines: LINES, totalAmount: 1_000 } };
}
function paid({ orderId, userId }: OrderBody): NewEvent {
  const data = { orderId, userId, paidAmount: 1_000, discountAmount: 0, balanceAfter: 0 };
  return { type: 'payment-completed', data };
}
function unpaid({ orderId, userId }: OrderBody): NewEvent {
  const data = { orderId, userId, reason: 'INSUFFICIENT_BALANCE', payableAmount: 1_000, balance: 1 };
  return { type: 'payment-failed', data };
}
function refunded({ orderId, userId }: OrderBody): NewEvent {
  return { type: 'payment-refunded', data: { orderId, userId, amount: 1_000, balanceAfter: 1_000 } };
}
const COMPLETING = ['order-created', 'stock-reserved', 'payment-completed', 'order-completed'];

async function placed(): Promise<OrderBody> {
  const answer = await api.placeOrder<OrderBody>(nextUserId(), [[1, 2]]);
  expect(answer.status).toBe(202);
  return answer.body;
}
const follow = (order: OrderBody, options?: FollowOptions): Promise<OrderStream> => followOrder(api, order, options);

async function completed(): Promise<OrderBody> {
  const order = await placed();
  await complete([order], [await follow(order)]);
  return order;
}

/** Publishes one step after the other: simultaneous events arrive in any order. */
async function complete(orders: readonly OrderBody[], streams: readonly OrderStream[]): Promise<void> {
  await service.publish(...orders.map(reserved));
  await Promise.all(streams.map((stream) => stream.until('stock-reserved')));
  await service.publish(...orders.map(paid));
  await Promise.all(streams.map((stream) => stream.over));
}

/** Waits until the service holds nothing for any stream. */
async function nobodyFollows(): Promise<void> {
  await eventually('no stream left', async () => {
    const [open, watched] = [await service.metric('order_open_streams'), await service.metric('order_watched_orders')];
    return open === 0 && watched === 0;
  });
}

describe('the events of an order', () => {
  it('when an order proceeds, then each step is told as it comes, in order, and the stream ends with the order', async () => {
    const order = await placed();
    const stream = await follow(order);
    expect(stream.status).toBe(200);
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    await stream.until(1);
    expect(stream.events[0]).toEqual({
      eventId: deriveEventId(order.orderId, 'order-created'),
      type: 'order-created',
      happenedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      order,
    });
    const [reservedId] = await service.publish(reserved(order));
    await stream.until(2);
    expect(stream.events[1]).toMatchObject({
      eventId: reservedId,
      type: 'stock-reserved',
      order: { status: 'PENDING', totalAmount: 1_000, items: LINES, paidAmount: null },
    });
    await service.publish(paid(order));
    expect(await stream.over).toBe('end');
    expect(stream.types()).toEqual(COMPLETING);
    const { body } = await api.order(order.orderId, order.userId);
    expect(stream.events.at(-1)).toMatchObject({ type: 'order-completed', order: body });
    expect(stream.text()).toMatch(/^retry: \d+\n\n/);
    await nobodyFollows();
  });

  it('when an order is cancelled for lack of points, then the last event says why', async () => {
    const order = await placed();
    const stream = await follow(order);
    await service.publish(reserved(order));
    await stream.until('stock-reserved');
    await service.publish(unpaid(order));
    expect(await stream.over).toBe('end');
    expect(stream.types()).toEqual(['order-created', 'stock-reserved', 'payment-failed', 'order-cancelled']);
    expect(stream.events.at(-1)?.order).toMatchObject({ status: 'CANCELLED', reason: 'INSUFFICIENT_BALANCE' });
  });

  it('when its user cancels an order, then followers are told and the stream ends', async () => {
    const order = await placed();
    const [one, two] = [await follow(order), await follow(order)];
    await api.cancel(order.orderId, order.userId);
    for (const stream of [one, two]) {
      expect(await stream.over).toBe('end');
      expect(stream.types()).toEqual(['order-created', 'order-cancelled']);
    }
  });

  it('when an order has ended, then a stream has all of it and ends; a client that saw the last step is told not to return', async () => {
    const order = await completed();
    const stream = await follow(order);
    expect(await stream.over).toBe('end');
    expect(stream.types()).toEqual(COMPLETING);
    const after = await follow(order, { lastEventId: stream.lastEventId() });
    expect([after.status, after.text()]).toEqual([204, '']);
  });

  it('when a completed order is cancelled, then a new stream tells that, and its consequences so far', async () => {
    const order = await completed();
    const before = await follow(order);
    await before.over;
    await api.cancel(order.orderId, order.userId);
    const stream = await follow(order, { lastEventId: before.lastEventId() });
    expect(await stream.over).toBe('end');
    expect(stream.types()).toEqual(['order-cancelled']);
    await service.publish(refunded(order));
    await eventually('the refund', async () => {
      const again = await follow(order, { lastEventId: stream.lastEventId() });
      await again.over;
      return again.types().join() === 'payment-refunded';
    });
  });
});

describe('resuming', () => {
  it.each([0, 1, 2, 3])('when the last event seen was number %i, then the rest comes', async (index) => {
    const order = await completed();
    const all = await follow(order);
    await all.over;
    const stream = await follow(order, { lastEventId: all.events[index]?.eventId });
    await stream.over;
    expect(stream.types()).toEqual(COMPLETING.slice(index + 1));
  });

  it.each(['', 'rubbish', uuidv7(), `${'x'.repeat(8_000)}`, "' OR 1=1", 'a, b'])(
    'when Last-Event-ID is none of the order (%#), then all of it comes',
    async (lastEventId) => {
      const order = await completed();
      const stream = await follow(order, { lastEventId });
      await stream.over;
      expect(stream.types()).toEqual(COMPLETING);
    },
  );

  it("when Last-Event-ID is another order's, then all steps come", async () => {
    const [order, other] = [await completed(), await completed()];
    const stream = await follow(order, { lastEventId: deriveEventId(other.orderId, 'order-completed') });
    await stream.over;
    expect(stream.types()).toEqual(COMPLETING);
  });
});

describe('permission to follow', () => {
  it("when an order is another user's or does not exist, then it is 404, and nothing is kept", async () => {
    const order = await placed();
    const strangers = [
      { ...order, userId: order.userId + 1 },
      { ...order, orderId: uuidv7() },
      { ...order, orderId: 'rubbish' },
    ];
    for (const stranger of strangers) {
      const stream = await follow(stranger);
      await stream.over;
      expect(stream.status).toBe(404);
      expect(JSON.parse(stream.text())).toMatchObject({ code: 'ORDER_NOT_FOUND' });
    }
    await nobodyFollows();
  });

  it('when only the head is asked for, then only the head is sent', async () => {
    const order = await placed();
    const answer = await api.request('HEAD', `/orders/${order.orderId}/events`, { query: { userId: order.userId } });
    expect([answer.status, answer.text]).toEqual([200, '']);
    await nobodyFollows();
  });
});

describe('many followers', () => {
  it('when 1,000 orders are followed, then each is told every step, with few queries; when all leave, nothing is left', async () => {
    const orders = await Promise.all(Array.from({ length: 1_000 }, () => placed()));
    const streams = await Promise.all(orders.map((order) => followPatiently(api, order)));
    const reads = () => service.metric('batch_duration_seconds_count', { batcher: 'read-progress' });
    const before = await reads();
    await complete(orders, streams);
    const ends = await Promise.all(streams.map((stream) => stream.over));
    expect(new Set(ends)).toEqual(new Set(['end']));
    expect(new Set(streams.map((stream) => stream.types().join()))).toEqual(new Set([COMPLETING.join()]));
    // Without sharing it would be a thousand and more.
    expect((await reads()) - before).toBeLessThan(200);
    await nobodyFollows();
  }, 60_000);

  it('when more want to follow than may, then they are told when to return; when some leave, there is room', async () => {
    const order = await placed();
    const streams = await Promise.all(Array.from({ length: MAX_STREAMS }, () => followPatiently(api, order)));
    const refused = await follow(order);
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '2']);
    for (const stream of streams) stream.leave();
    await nobodyFollows();
    const next = await follow(order);
    expect(next.status).toBe(200);
    next.leave();
    await nobodyFollows();
  }, 60_000);

  it('when clients leave before they are answered, then nothing is left', async () => {
    const order = await placed();
    const { port } = new URL(service.url);
    const sockets = Array.from({ length: 200 }, () => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => undefined);
      const path = `/orders/${order.orderId}/events?userId=${order.userId}`;
      const signed = Object.entries(api.headersFor('GET', path)).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${signed.join('')}\r\n`, () => socket.destroy());
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(sockets);
    await nobodyFollows();
    const after = await follow(order);
    await after.until(1);
    after.leave();
    await nobodyFollows();
  });
});

describe('outages', () => {
  it('when the service is told to stop, then streams end properly at once, before the order does', async () => {
    const order = await placed();
    const stream = await follow(order);
    await stream.until(1);
    const stopped = service.process.stop();
    expect(await stream.over).toBe('end');
    expect(await stopped).toBe(true);
    await service.startAgain();
    await service.process.ready();
    const resumed = await followOrder(api, order, { lastEventId: stream.lastEventId() });
    await complete([order], [resumed]);
    expect(resumed.types()).toEqual(COMPLETING.slice(1));
  }, 60_000);
});
