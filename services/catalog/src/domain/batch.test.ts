import { describe, expect, it } from '@jest/globals';
import { createRandom } from '../../../../test/simulation/random.ts';
import {
  active,
  cancelled,
  completed,
  created,
  LIMITS,
  ORDER_ID,
  orderIdOf,
  product,
  productsOf,
} from '../../test/examples.ts';
import { buyersOf, decideBatch, keysOf, type Snapshot } from './batch.ts';
import type { OrderEvent } from './reservation.ts';
import type { ProductStock } from './states.ts';
import { unpaidKey } from './waiting.ts';

const at = new Date('2026-01-01T00:00:00Z');
const now = { now: at, limits: LIMITS };
const EMPTY = { reservations: new Map(), line: new Map(), unpaid: new Map() };
const snapshotOf = (...products: ProductStock[]): Snapshot => ({ ...EMPTY, products: productsOf(...products) });

/** Integers from 0 to less than `n`, the same for the same seed. */
const random = (seed: number) => {
  const { int } = createRandom(seed);
  return (n: number) => int(0, n - 1);
};

/** The store's content after the changes. */
function saved(snapshot: Snapshot, { changes }: ReturnType<typeof decideBatch>): Snapshot {
  const reservations = new Map(snapshot.reservations);
  const products = new Map(snapshot.products);
  const line = new Map(snapshot.line);
  for (const it of changes.created) {
    if (reservations.has(it.orderId)) throw new Error('a row was created twice');
    reservations.set(it.orderId, it);
  }
  for (const it of changes.changed) {
    if (!reservations.has(it.orderId)) throw new Error('a row was changed that is not there');
    reservations.set(it.orderId, it);
  }
  for (const it of changes.products) products.set(it.productId, it);
  for (const orderId of changes.left) if (!line.delete(orderId)) throw new Error('it left a line it did not stand in');
  for (const it of changes.joined) line.set(it.orderId, it);
  const unpaid = new Map<string, number>();
  for (const it of reservations.values()) {
    if (it.status !== 'ACTIVE') continue;
    for (const { productId, quantity } of it.lines) {
      const key = unpaidKey(it.userId, productId);
      unpaid.set(key, (unpaid.get(key) ?? 0) + quantity);
    }
  }
  return { reservations, products, line, unpaid };
}

/**
 * Events of some orders, shuffled across orders but in order for each; a few cancelled first, a few events repeated.
 */
function randomEvents(below: (n: number) => number): OrderEvent[] {
  const lives = Array.from({ length: 1 + below(30) }, (_, n) => {
    const orderId = orderIdOf(n);
    const lines = [1, 2, 3, 4].filter(() => below(2) === 0).map((productId) => ({ productId, quantity: 1 + below(6) }));
    const userId = 1 + below(3);
    const start = created({ orderId, userId, lines: lines.length > 0 ? lines : [{ productId: 1, quantity: 1 }] });
    const events = [[start], [start, cancelled(orderId)], [cancelled(orderId), start]][below(3)] ?? [];
    return below(4) === 0 ? events.flatMap((event) => [event, event]) : [...events];
  });
  const events: OrderEvent[] = [];
  for (let left = lives.filter((life) => life.length > 0); left.length > 0; left = left.filter((it) => it.length > 0)) {
    const next = left[below(left.length)]?.shift();
    if (next) events.push(next);
  }
  return events;
}

describe('a batch', () => {
  for (let seed = 1; seed <= 200; seed++) {
    it(`when decided at once, then a batch is as if decided one by one (seed ${seed})`, () => {
      const below = random(seed);
      const limits = { unpaidPieces: 6 + below(20), waitingOrders: 1 + below(10) };
      const now = { now: at, limits };
      const start = snapshotOf(...[1, 2, 3].map((id) => product(id, { available: below(40) })));
      const events = randomEvents(below);
      let state = start;
      const oneByOne = events.flatMap((event) => {
        const decided = decideBatch(state, [event], now);
        state = saved(state, decided);
        return decided.events;
      });
      const first = decideBatch(start, events, now);
      expect(first.events).toEqual(oneByOne);
      expect(saved(start, first)).toEqual(state);

      // A second batch on top sells half of the held stock: the stock must still add up.
      const sales = [...state.reservations.values()]
        .filter((it) => it.status === 'ACTIVE' && below(2) === 0)
        .map((it) => completed(it.orderId));
      const second = saved(state, decideBatch(state, sales, now));
      for (const it of second.products.values()) {
        expect(Math.min(it.available, it.reserved, it.sold)).toBeGreaterThanOrEqual(0);
        expect(it.available + it.reserved + it.sold).toBe(start.products.get(it.productId)?.available);
      }
    });
  }

  it('when a batch is handled again, then nothing changes and nothing is published', () => {
    const start = snapshotOf(product(1));
    const events = [created(), completed(), cancelled()];
    const after = saved(start, decideBatch(start, events, now));
    expect(decideBatch(after, events, now)).toEqual({
      changes: { created: [], changed: [], priced: [], joined: [], left: [], products: [], at },
      events: [],
    });
  });

  it('when a thousand orders want one product, then its row is written once', () => {
    const start = snapshotOf(product(1, { available: 2_500 }));
    const events = Array.from({ length: 1_000 }, (_, n) => created({ orderId: orderIdOf(n) }));
    const { changes, events: published } = decideBatch(start, events, now);
    expect(changes.products).toEqual([product(1, { available: 1, reserved: 2_499, waiting: 167 })]);
    expect(changes.created).toHaveLength(1_000);
    expect(published.filter((it) => it.type === 'stock-reserved')).toHaveLength(833);
  });

  it('when an order does not fit, then a smaller one after it may', () => {
    const start = snapshotOf(product(1, { available: 2 }));
    const big = created({ orderId: orderIdOf(1) });
    const small = created({ orderId: orderIdOf(2), lines: [{ productId: 1, quantity: 2 }] });
    const { changes } = decideBatch(start, [big, small], now);
    expect(changes.created.map((it) => it.status)).toEqual(['REJECTED', 'ACTIVE']);
  });

  it('when an order is created and cancelled in one batch, then one row is written, RELEASED, and its stock-reserved is sent', () => {
    const start = snapshotOf(product(1));
    const { changes, events } = decideBatch(start, [created(), cancelled()], now);
    expect(changes.created).toMatchObject([{ orderId: ORDER_ID, status: 'RELEASED', lines: active.lines }]);
    expect(changes.products).toEqual([product(1)]);
    expect(events.map((it) => it.type)).toEqual(['stock-reserved']);
  });

  it('when an event is published, then it names its cause', () => {
    const start = snapshotOf(product(1));
    const event = created();
    const [published] = decideBatch(start, [event], now).events;
    expect(published?.cause).toEqual({ eventId: event.id, traceparent: event.traceparent });
  });

  it('when keys are collected, then each comes once, in lock order', () => {
    const lines = [10, 9, 2].map((productId) => ({ productId, quantity: 1 }));
    const events = [
      created({ orderId: orderIdOf(2), lines }),
      cancelled(orderIdOf(1)),
      created({ orderId: orderIdOf(2) }),
    ];
    expect(keysOf(events)).toEqual({ orderIds: [orderIdOf(1), orderIdOf(2)], productIds: [1, 2, 9, 10] });
  });

  it('when no user can reach the limit of a product, then nobody’s unpaid pieces are looked up', () => {
    const limits = { ...LIMITS, unpaidPieces: 5 };
    const events = [
      created({ orderId: orderIdOf(1), userId: 2, lines: [{ productId: 1, quantity: 3 }] }),
      created({ orderId: orderIdOf(2), userId: 1, lines: [{ productId: 2, quantity: 3 }] }),
    ];
    const near = snapshotOf(product(1, { reserved: 2 }), product(2, { reserved: 3 }));
    expect(buyersOf(near, events, limits)).toEqual({ userIds: [1], productIds: [2] });
  });
});
