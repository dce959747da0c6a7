import { describe, expect, it } from '@jest/globals';
import { deriveEventId } from '@shop/events';
import { cancelled, completed, ORDER_ID } from '../../test/examples.ts';
import {
  answersOf,
  type ChangeFact,
  changedProduct,
  effectOf,
  endOf,
  type ProductFacts,
  piecesOf,
  type StockFact,
} from './facts.ts';
import type { Reservation } from './states.ts';

const TIME = new Date('2026-01-31T09:00:00.000Z');
const origin = { id: 'e', time: TIME, key: ORDER_ID, topic: 'catalog-events', partition: 0, offset: '0' };
const order = { orderId: ORDER_ID, userId: 7, couponId: null };
const wants = [{ productId: 1, quantity: 3 }];
const lines = [{ productId: 1, name: 'product 1', unitPrice: 1000, quantity: 3 }];
const awaited: StockFact = {
  ...origin,
  type: 'stock-awaited',
  data: { ...order, reason: 'PIECES_HELD', productId: 1, lines: wants, expectedTotal: 3000 },
};
const reserved: StockFact = { ...origin, type: 'stock-reserved', data: { ...order, lines, totalAmount: 3000 } };
const rejected: StockFact = {
  ...origin,
  type: 'stock-rejected',
  data: { ...order, reason: 'OUT_OF_STOCK', productId: 1, totalAmount: null },
};

const held = { ...order, waited: false, lines, totalAmount: 3000 };
const reservations: Record<Reservation['status'], Reservation> = {
  WAITING: { ...order, waited: true, status: 'WAITING', wants: [], expectedTotal: null },
  ACTIVE: { ...held, status: 'ACTIVE' },
  SOLD: { ...held, status: 'SOLD' },
  RELEASED: { ...held, status: 'RELEASED', reason: 'ORDER_CANCELLED' },
  REJECTED: { ...order, waited: false, status: 'REJECTED', reason: 'OUT_OF_STOCK' },
  VOID: { ...order, waited: false, status: 'VOID', reason: 'ORDER_CANCELLED' },
};

describe('every reservation × every fact', () => {
  it.each([
    [undefined, awaited, 'WAITING'],
    [undefined, reserved, 'ACTIVE'],
    [undefined, rejected, 'REJECTED'],
    ['WAITING', awaited, 'known'],
    ['WAITING', reserved, 'ACTIVE'],
    ['WAITING', rejected, 'REJECTED'],
    // Relayed by two instances, with different clocks.
    ['ACTIVE', awaited, 'ACTIVE'],
    ['ACTIVE', reserved, 'known'],
    ['ACTIVE', rejected, 'contradiction'],
    ['SOLD', awaited, 'SOLD'],
    ['SOLD', reserved, 'known'],
    ['SOLD', rejected, 'contradiction'],
    ['RELEASED', awaited, 'RELEASED'],
    ['RELEASED', reserved, 'known'],
    ['RELEASED', rejected, 'contradiction'],
    ['REJECTED', awaited, 'REJECTED'],
    ['REJECTED', reserved, 'contradiction'],
    ['REJECTED', rejected, 'known'],
    ['VOID', awaited, 'VOID'],
    ['VOID', reserved, 'contradiction'],
    ['VOID', rejected, 'contradiction'],
  ] as const)('when the reservation is %s, then a fact $type makes it …', (status, fact, expected) => {
    const before = status && reservations[status];
    const act = () => effectOf(fact, before);
    if (expected === 'contradiction') expect(act).toThrow(`whose reservation is ${status}`);
    else if (expected === 'known') expect(act()).toBeUndefined();
    else {
      const waited = fact.type === 'stock-awaited' || status === 'WAITING';
      expect(act()).toMatchObject({ status: expected, waited, ...order });
    }
  });

  it('when an order waits, then the fact tells its place in line whole', () => {
    expect(effectOf(awaited, undefined)).toEqual({
      ...{ ...order, status: 'WAITING', waited: true, wants },
      expectedTotal: 3000,
    });
  });
});

describe('what a fact answers', () => {
  it('when it was caused by the end of another order, then it answers the creation of its own all the same', () => {
    const own = deriveEventId(ORDER_ID, 'order-created');
    for (const fact of [awaited, reserved, rejected])
      expect(answersOf({ ...fact, causationId: deriveEventId('other', 'order-cancelled') })).toEqual([own]);
  });

  it('when it does not tell what its order waits for, then the creation of the order is not answered', () => {
    expect(answersOf({ ...awaited, data: { ...awaited.data, lines: null } } as StockFact)).toEqual([]);
  });

  it('when an operator changed a product, then it answers nothing', () => {
    expect(answersOf(changed(2, 5))).toEqual([]);
  });
});

describe('the end of an order', () => {
  it.each([
    [undefined, cancelled(), 'VOID'],
    ['WAITING', cancelled(), 'VOID'],
    ['ACTIVE', cancelled(), 'RELEASED'],
    ['SOLD', cancelled(), 'RELEASED'],
    ['RELEASED', cancelled(), undefined],
    ['REJECTED', cancelled(), undefined],
    ['VOID', cancelled(), undefined],
    ['ACTIVE', completed(), 'SOLD'],
    ['SOLD', completed(), undefined],
    // Cancellations are applied before completions.
    ['RELEASED', completed(), undefined],
    ['VOID', completed(), undefined],
  ] as const)('when the reservation is %s, then $type makes it …', (status, event, expected) => {
    expect(endOf(event, status && reservations[status], false)?.status).toBe(expected);
  });

  it('when an order completed that was never reserved, then it is refused', () => {
    expect(() => endOf(completed(), undefined, false)).toThrow('its stock is unknown');
  });

  it('when gaps are accepted, then an order whose reservation is not told has bought what its completion names', () => {
    const told = { ...order, status: 'SOLD', lines, totalAmount: 3000 };
    expect(endOf(completed(), undefined, true)).toEqual({ ...told, waited: false });
    expect(endOf(completed(), reservations.WAITING, true)).toEqual({ ...told, waited: true });
    expect(endOf(completed(), reservations.ACTIVE, true)).toEqual({ ...reservations.ACTIVE, status: 'SOLD' });
    expect(() => endOf(completed(), reservations.REJECTED, true)).toThrow('its stock is REJECTED');
  });
});

function changed(version: number, stockDelta: number, more: Partial<ChangeFact['data']> = {}): ChangeFact {
  const keys = { requestId: `r${version}`, idempotencyKey: null, requestHash: null };
  const data = { productId: 1, change: 'UPDATED', name: `v${version}`, price: 5, stockDelta, version, ...keys };
  return { ...origin, type: 'product-changed', data: { ...data, onSale: null, available: null, ...more } };
}

describe("an operator's change", () => {
  const product: ProductFacts = {
    ...{ productId: 1, name: 'v1', price: 1, onSale: true, version: 1 },
    ...{ initialStock: 10, restocked: 4, takenBack: 1 },
  };

  it('when a product is created, restocked, taken back and withdrawn, then its pieces are told apart', () => {
    const fresh = changedProduct(changed(1, 10, { change: 'CREATED' }), undefined, false);
    expect(fresh).toMatchObject({ initialStock: 10, restocked: 0, takenBack: 0, onSale: true, version: 1 });
    expect(changedProduct(changed(2, 6), product, false)).toMatchObject({ restocked: 10, takenBack: 1, name: 'v2' });
    expect(changedProduct(changed(2, -2), product, false)).toMatchObject({ restocked: 4, takenBack: 3, price: 5 });
    expect(changedProduct(changed(2, 0, { onSale: false }), product, false)).toMatchObject({ onSale: false });
  });

  it('when the change before it is missing, then it waits; where gaps are accepted, then it is taken as it is', () => {
    expect(changedProduct(changed(3, 1), product, false)).toBe('early');
    expect(changedProduct(changed(3, 1), undefined, false)).toBe('early');
    expect(changedProduct(changed(3, 1), product, true)).toMatchObject({ restocked: 5, version: 3 });
    const unknown = changedProduct(changed(3, -7), undefined, true) as ProductFacts;
    expect(piecesOf(unknown)).toBe(0);
  });

  it('when a later change is there already, then the schema and the topic do not belong together', () => {
    expect(() => changedProduct(changed(1, 1), product, true)).toThrow('there were later ones');
  });
});
