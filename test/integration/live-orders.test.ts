import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api, expectStatus, nextUserId, type OrderBody } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { readMetric } from '../support/metrics.ts';
import { followOrder, followPatiently, type OrderEvent, type OrderStream } from '../support/order-stream.ts';
import { PATIENT } from '../support/patient.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

// Two gateways in front of two instances of the order service: most steps of an order are written by another instance
// than the one that holds its stream.
const COMPLETING = ['order-created', 'stock-reserved', 'payment-completed', 'order-completed'];
const ENDS = ['order-completed', 'order-cancelled'];
let system: System;
/** The clients of the two gateways. */
let apis: readonly [Api, Api];
let productId: number;

beforeAll(async () => {
  // A thousand at once may be slow here; refusals under load are tested elsewhere.
  const env = { ...PATIENT, ORDER_DEADLINE_MS: '300000' };
  system = await startSystem({ knownInstances: 2, env });
  await system.start('order', 2);
  const second = await system.start('gateway', 2);
  apis = [system.api, new Api(second.url)];
  productId = await system.api.newProduct(0, 100_000);
}, 120_000);

afterAll(async () => {
  try {
    if (system) await expectCleanAudit(system);
  } finally {
    await system?.stop();
  }
}, 90_000);

const gatewayOf = (index: number): Api => apis[index % 2] as Api;

/** Places orders through both gateways in turn. */
function placeOrders(count: number): Promise<OrderBody[]> {
  const place = async (index: number): Promise<OrderBody> =>
    expectStatus(await gatewayOf(index).placeOrder<OrderBody>(nextUserId(), [[productId, 1]]), 202).body;
  return Promise.all(Array.from({ length: count }, (_, index) => place(index)));
}

/** Follows each order through both gateways, which use both instances in turn. */
function followAll(orders: readonly OrderBody[]): Promise<OrderStream[]> {
  return Promise.all(orders.flatMap((order) => apis.map((api) => followOrder(api, order))));
}

/** Stops payment while `work` runs: orders get no further than their reservation. */
async function unpaidDuring(work: () => Promise<void>): Promise<void> {
  await system.process('payment').stop();
  await work();
  await system.start('payment');
}

/** Follows an order like a page of the shop: reconnects through the other gateway until the order has ended. */
async function followToTheEnd(order: OrderBody, first: number): Promise<{ events: OrderEvent[]; streams: number }> {
  const events: OrderEvent[] = [];
  for (let streams = 1; ; streams++) {
    const options = { lastEventId: events.at(-1)?.eventId };
    const stream = await followOrder(gatewayOf(first + streams), order, options).catch(() => undefined);
    await stream?.over;
    if (stream?.status === 200) events.push(...stream.events);
    if (stream?.status === 204 || ENDS.includes(events.at(-1)?.type ?? '')) return { events, streams };
    await sleep(50);
  }
}

/** The streamed steps of each order equal its history, to its end: none is missing, none twice, none out of order. */
async function expectHistory(told: ReadonlyMap<string, readonly OrderEvent[]>): Promise<void> {
  const sql = await connectRoot(system.stack);
  try {
    const rows = await sql.query<{ orderId: string; eventId: string; type: string }>(
      `SELECT order_id AS orderId, event_id AS eventId, type FROM shop_order.order_history
        WHERE order_id IN (?) ORDER BY order_id, seq`,
      [[...told.keys()]],
    );
    const histories = Map.groupBy(rows, (row) => row.orderId);
    for (const [orderId, events] of told) {
      const history = (histories.get(orderId) ?? []).slice(0, events.length);
      expect(events.map(({ eventId, type }) => `${type} ${eventId}`)).toEqual(
        history.map(({ eventId, type }) => `${type} ${eventId}`),
      );
      expect(ENDS).toContain(events.at(-1)?.type);
    }
  } finally {
    await sql.close();
  }
}

/** Waits until no process holds anything for any stream. */
async function nobodyFollows(): Promise<void> {
  const gateways = [1, 2].map((instance) => system.process('gateway', instance));
  const services = [1, 2].map((instance) => system.process('order', instance));
  await eventually('no stream left', async () => {
    const counts = await Promise.all([
      ...gateways.map(({ url }) => readMetric(url, 'gateway_open_streams')),
      ...services.map(({ url }) => readMetric(url, 'order_open_streams')),
      ...services.map(({ url }) => readMetric(url, 'order_watched_orders')),
    ]);
    return counts.every((count) => count === 0);
  });
}

describe('an order followed through two gateways and two instances', () => {
  it('when an order proceeds, then every stream tells each step while it happens, in order, and ends with the order', async () => {
    let streams: OrderStream[] = [];
    await unpaidDuring(async () => {
      const orders = await placeOrders(10);
      streams = await followAll(orders);
      // Seen before payment: the steps do not all come at the end.
      await Promise.all(streams.map((stream) => stream.until('stock-reserved')));
    });
    expect(await Promise.all(streams.map((stream) => stream.over))).toEqual(streams.map(() => 'end'));
    expect(streams.map((stream) => stream.types())).toEqual(streams.map(() => COMPLETING));
    for (const stream of streams) expect(stream.events.at(-1)?.order.status).toBe('COMPLETED');
    await nobodyFollows();
  });

  it('when 1,000 orders are followed, then each stream tells its end; when all clients have left, nothing is kept', async () => {
    const streams: OrderStream[] = [];
    await unpaidDuring(async () => {
      const orders = await placeOrders(1_000);
      const opened = orders.map((order, index) => followPatiently(gatewayOf(index + 1), order));
      streams.push(...(await Promise.all(opened)));
      await Promise.all(streams.map((stream) => stream.until('stock-reserved')));
    });
    await Promise.all(streams.map((stream) => stream.over));
    expect(streams.filter((stream) => stream.types().join() !== COMPLETING.join())).toEqual([]);
    const pending = await followAll(await placeOrders(50));
    for (const stream of pending) stream.leave();
    await nobodyFollows();
  });

  it("when an order is another user's or does not exist, then its stream is 404", async () => {
    const [order] = await placeOrders(1);
    if (!order) throw new Error('no order');
    for (const stranger of [
      { ...order, userId: nextUserId() },
      { ...order, orderId: randomUUID() },
    ]) {
      const stream = await followOrder(system.api, stranger);
      await stream.over;
      expect(stream.status).toBe(404);
      expect(JSON.parse(stream.text())).toMatchObject({ code: 'ORDER_NOT_FOUND' });
    }
  });
});

describe('a stream when a process dies', () => {
  it('when a gateway dies, then its streams break, and the other gateway continues them without gap or repeat', async () => {
    const told = new Map<string, readonly OrderEvent[]>();
    let resumed: OrderStream[] = [];
    let before: OrderStream[] = [];
    await unpaidDuring(async () => {
      const orders = await placeOrders(20);
      before = await Promise.all(orders.map((order) => followOrder(apis[1], order)));
      await Promise.all(before.map((stream) => stream.until('stock-reserved')));
      await system.process('gateway', 2).kill9();
      expect(new Set(await Promise.all(before.map((stream) => stream.over)))).toEqual(new Set(['broken']));
      resumed = await Promise.all(
        orders.map((order, i) => followOrder(apis[0], order, { lastEventId: before[i]?.lastEventId() })),
      );
    });
    await Promise.all(resumed.map((stream) => stream.over));
    for (const [i, stream] of resumed.entries()) {
      const events = [...(before[i]?.events ?? []), ...stream.events];
      told.set(events[0]?.order.orderId ?? '', events);
    }
    expect(told.size).toBe(20);
    await expectHistory(told);
    await system.start('gateway', 2);
    await nobodyFollows();
  });

  it.each([
    ['order', 1],
    ['order', 2],
    ['gateway', 1],
  ] as const)(
    'when %s %i dies again and again under load, then a returning client has every step once',
    async (service, instance) => {
      const told = new Map<string, readonly OrderEvent[]>();
      let cut = 0;
      const follow = async (order: OrderBody, index: number) => {
        const { events, streams } = await followToTheEnd(order, index);
        told.set(order.orderId, events);
        if (streams > 1) cut++;
      };
      // Through the living gateway; refused for a moment where an instance has just died.
      const place = async () => {
        const placed = await apis[1].placeOrder<OrderBody>(nextUserId(), [[productId, 1]]);
        return placed.status === 202 ? placed.body : undefined;
      };
      const following: Promise<void>[] = [];
      for (let round = 0; round < 2; round++) {
        for (let n = 0; n < 60; n++) {
          const order = await place();
          if (order) following.push(follow(order, n));
          if (n === 30) await system.process(service, instance).kill9();
        }
        await system.start(service, instance);
      }
      await Promise.all(following);
      expect(told.size).toBeGreaterThan(60);
      await expectHistory(told);
      console.info(`${told.size} orders followed, ${cut} of them over several streams`);
      await nobodyFollows();
    },
  );

  it('when Kafka is away, then the end of an order cancelled by another instance is told all the same', async () => {
    await unpaidDuring(async () => {
      const orders = await placeOrders(8);
      const streams = await followAll(orders);
      await Promise.all(streams.map((stream) => stream.until('stock-reserved')));
      const kafka = system.stack.part('kafka');
      await kafka.stop();
      try {
        for (const [i, { orderId, userId }] of orders.entries())
          expectStatus(await gatewayOf(i).cancel(orderId, userId), 202);
        await Promise.all(streams.map((stream) => stream.over));
        for (const stream of streams)
          expect(stream.types()).toEqual(['order-created', 'stock-reserved', 'order-cancelled']);
      } finally {
        await kafka.start();
      }
    });
  });

  it('when a gateway is told to stop, then its streams end properly at once, without waiting for their orders', async () => {
    let streams: OrderStream[] = [];
    await unpaidDuring(async () => {
      const orders = await placeOrders(20);
      streams = await Promise.all(orders.map((order) => followOrder(apis[1], order)));
      const began = performance.now();
      expect(await system.process('gateway', 2).stop()).toBe(true);
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(new Set(await Promise.all(streams.map((stream) => stream.over)))).toEqual(new Set(['end']));
      for (const stream of streams) expect(ENDS).not.toContain(stream.types().at(-1));
      await system.start('gateway', 2);
    });
    await nobodyFollows();
  });
});

describe('Prefer: wait through two gateways and two instances', () => {
  it('when orders are placed with Prefer: wait, then wake-ups answer them with their end, wherever it was decided', async () => {
    const missed = async () => {
      const services = [1, 2].map((instance) => system.process('order', instance));
      const counts = await Promise.all(services.map(({ url }) => readMetric(url, 'order_missed_wakeups_total')));
      return counts.reduce((sum, count) => sum + count, 0);
    };
    // Consumers that have just come back are slow at first.
    await eventually('the system to be quick', async () => {
      const began = performance.now();
      expectStatus(await apis[0].placeOrder(nextUserId(), [[productId, 1]], { wait: 20 }), 201);
      return performance.now() - began < 500;
    });
    const before = await missed();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        gatewayOf(index).placeOrder(nextUserId(), [[productId, 1]], { wait: 20 }),
      ),
    );
    expect(answers.map(({ status, body }) => `${status} ${body.status}`)).toEqual(answers.map(() => '201 COMPLETED'));
    // A look may come between an end and its wake-up, where the machine is slow.
    expect((await missed()) - before).toBeLessThan(5);
  });

  it('when an order is waited for through the other gateway, then it is answered with its end too', async () => {
    let waits: Promise<{ status: number; body: OrderBody }>[] = [];
    await unpaidDuring(async () => {
      const orders = await placeOrders(20);
      waits = orders.map((order, index) => gatewayOf(index + 1).order(order.orderId, order.userId, 25));
      await eventually('all to wait', async () => {
        const services = [1, 2].map((instance) => system.process('order', instance));
        const counts = await Promise.all(services.map(({ url }) => readMetric(url, 'order_waiting_requests')));
        return counts.reduce((sum, count) => sum + count, 0) === 20;
      });
    });
    for (const { status, body } of await Promise.all(waits)) expect([status, body.status]).toEqual([200, 'COMPLETED']);
  });
});
