import { describe, expect, it } from '@jest/globals';
import { CREATED, completed, inputs, ORDER_ID, pending } from '../../test/examples.ts';
import { type BatchInput, type Changes, decideBatch, inCausalOrder, UnknownOrder } from './batch.ts';
import { type CancellingRequest, ContradictingEvent, type OrderInput } from './decide.ts';
import type { Order } from './order.ts';

const NOW = new Date(CREATED.getTime() + 40_000);
const snapshotOf = (...orders: Order[]) => new Map(orders.map((order) => [order.orderId, order]));

const cancelled = (request: CancellingRequest) => ({ type: 'cancel-requested', request }) as const;

function heard(input: OrderInput, orderId = ORDER_ID, eventId = `${input.type}-of-${orderId}`): BatchInput {
  return { orderId, input, eventId, cause: { eventId } };
}

describe('decideBatch', () => {
  it('when a batch brings reservation and payment of one order, then it is written once, completed, with every step', () => {
    const batch = [heard(inputs['stock-reserved']), heard(inputs['payment-completed'])];
    const changes = decideBatch(snapshotOf(pending()), batch, NOW);
    expect(changes.orders).toMatchObject([{ status: 'COMPLETED', version: 4, updatedAt: NOW }]);
    expect(changes.steps.map(({ seq, type, eventId }) => [seq, type, eventId])).toEqual([
      [2, 'stock-reserved', `stock-reserved-of-${ORDER_ID}`],
      [3, 'payment-completed', `payment-completed-of-${ORDER_ID}`],
      [4, 'order-completed', null],
    ]);
    expect(changes.reserved).toEqual(changes.orders);
    expect(changes.events).toMatchObject([
      { type: 'order-completed', cause: { eventId: `payment-completed-of-${ORDER_ID}` } },
    ]);
  });

  it("when the payment's topic is read before the coupon's, then the steps of a batch stand as they followed from each other", () => {
    const types = ['payment-completed', 'stock-reserved', 'coupon-redeemed'] as const;
    const events = types.map((type) => ({ type }));
    expect(inCausalOrder(events).map(({ type }) => type)).toEqual([
      'stock-reserved',
      'coupon-redeemed',
      'payment-completed',
    ]);
    const refunds = [{ type: 'payment-completed', n: 1 } as const, { type: 'payment-completed', n: 2 } as const];
    expect(inCausalOrder(refunds)).toEqual(refunds);
  });

  it('when an event changes nothing, then it is still a step of the history', () => {
    const changes = decideBatch(snapshotOf(pending()), [heard(inputs['payment-refunded'])], NOW);
    expect(changes.steps).toMatchObject([{ seq: 2, type: 'payment-refunded' }]);
    expect(changes.orders).toMatchObject([{ status: 'PENDING', version: 2 }]);
  });

  it('when an order ends, then its steps are named in their order, and its history does not keep the key', () => {
    const by = { requestId: 'r', key: 'k', requestHash: 'h' };
    const batch = [heard(inputs['stock-awaited']), { orderId: ORDER_ID, eventId: null, input: cancelled(by) }];
    const { orders, steps, events } = decideBatch(snapshotOf(pending({ steps: ['order-created'] })), batch, NOW);
    expect(orders).toMatchObject([{ version: 3, steps: ['order-created', 'stock-awaited', 'order-cancelled'] }]);
    expect(events).toMatchObject([{ data: { steps: ['order-created', 'stock-awaited'], idempotencyKey: 'k' } }]);
    expect(JSON.stringify(steps)).not.toContain('idempotencyKey');
  });

  it('when an event comes that the steps name already, then only its lost row is written, at its place', () => {
    const steps = ['order-created', 'stock-reserved', 'payment-completed', 'order-completed'];
    const order = completed({ steps, version: 4 });
    const changes = decideBatch(snapshotOf(order), [heard(inputs['stock-reserved'])], NOW);
    expect(changes).toMatchObject({ orders: [order], steps: [{ seq: 2, type: 'stock-reserved' }], events: [] });
  });

  it('when a deadline check changes nothing, then nothing is written', () => {
    const look = { type: 'deadline-checked', deadlineMs: 60_000 } as const;
    const changes = decideBatch(snapshotOf(pending()), [{ orderId: ORDER_ID, input: look, eventId: null }], NOW);
    expect(changes).toEqual({ orders: [], reserved: [], steps: [], events: [] });
  });

  it('when an order is not in the snapshot, then the batch is refused', () => {
    expect(() => decideBatch(new Map(), [heard(inputs['stock-reserved'])], NOW)).toThrow(UnknownOrder);
  });

  it('when any batch is decided, then the result is as if decided one by one', () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const random = randomOf(seed);
      const { snapshot, batch } = randomBatch(random);
      const whole = attempt(() => decideBatch(snapshot, batch, NOW));
      const single = attempt(() => oneByOne(snapshot, batch));
      expect({ seed, ...single }).toEqual({ seed, ...whole });
    }
  });
});

function oneByOne(snapshot: ReadonlyMap<string, Order>, batch: readonly BatchInput[]): Changes {
  const store = new Map(snapshot);
  const changed = new Set<string>();
  const reserved = new Set<string>();
  const all = { steps: [] as Changes['steps'][number][], events: [] as Changes['events'][number][] };
  for (const input of batch) {
    const changes = decideBatch(store, [input], NOW);
    for (const order of changes.orders) {
      store.set(order.orderId, order);
      changed.add(order.orderId);
    }
    for (const order of changes.reserved) reserved.add(order.orderId);
    all.steps.push(...changes.steps);
    all.events.push(...changes.events);
  }
  const orders = [...store.values()].filter((order) => changed.has(order.orderId)).sort(byId);
  return { orders, reserved: orders.filter((order) => reserved.has(order.orderId)), ...all };
}

function attempt(run: () => Changes): { changes: Changes } | { refused: true } {
  try {
    const changes = run();
    const { orders, reserved } = changes;
    return { changes: { ...changes, orders: [...orders].sort(byId), reserved: [...reserved].sort(byId) } };
  } catch (error) {
    if (error instanceof ContradictingEvent) return { refused: true };
    throw error;
  }
}

const byId = (a: Order, b: Order) => (a.orderId < b.orderId ? -1 : 1);

/** Up to three orders and twelve inputs, including duplicates, contradictions and any order of arrival. */
function randomBatch(random: () => number) {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const ids = ['a', 'b', 'c'].slice(0, 1 + Math.floor(random() * 3));
  const kinds = Object.keys(inputs) as OrderInput['type'][];
  const batch = Array.from({ length: Math.floor(random() * 12) }, (_, i): BatchInput => {
    const orderId = pick(ids);
    const input = inputs[pick(kinds)];
    return 'data' in input ? heard(input, orderId, `event-${i}`) : { orderId, input, eventId: null };
  });
  return { snapshot: snapshotOf(...ids.map((orderId) => pending({ orderId }))), batch };
}

/** Mulberry32: small, seeded, the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
