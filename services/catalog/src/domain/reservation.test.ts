import { describe, expect, it } from '@jest/globals';
import {
  active,
  cancelled,
  completed,
  created,
  LIMITS,
  ORDER_ID,
  product,
  productsOf,
  rejected,
  released,
  sold,
  voided,
  waiting,
} from '../../test/examples.ts';
import { decide, type OrderEvent } from './reservation.ts';
import type { ProductStock, Reservation } from './states.ts';

const NOTHING = { products: [], events: [] };
const order = { orderId: ORDER_ID, userId: 7, couponId: null };
const nobody = { line: new Map(), unpaid: new Map(), limits: LIMITS };

describe('every state × every event', () => {
  const untouched = product(1);
  const holding = product(1, { available: 7, reserved: 3 });
  const gone = product(1, { available: 7, sold: 3 });
  const restored = product(1);
  const after = (reservation: Reservation, stock: ProductStock) => ({ reservation, products: [stock], events: [] });
  const held = product(1, { available: 0, reserved: 3 });
  const awaited = { ...held, waiting: 1 };
  const awaits = {
    reservation: waiting,
    products: [awaited],
    events: [
      {
        type: 'stock-awaited',
        data: { ...order, reason: 'PIECES_HELD', productId: 1, lines: waiting.wants, expectedTotal: null },
      },
    ],
  };
  const reserved = {
    reservation: active,
    products: [holding],
    events: [{ type: 'stock-reserved', data: { ...order, lines: active.lines, totalAmount: 3000 } }],
  };

  const table: [string, Reservation | undefined, ProductStock, OrderEvent, object | 'throws'][] = [
    ['unheard of', undefined, untouched, created(), reserved],
    ['unheard of', undefined, untouched, completed(), 'throws'],
    ['unheard of', undefined, untouched, cancelled(), { ...NOTHING, reservation: voided }],
    ['unheard of, and the pieces are held', undefined, held, created(), awaits],
    ['WAITING', waiting, awaited, created(), NOTHING],
    ['WAITING', waiting, awaited, completed(), 'throws'],
    ['WAITING', waiting, awaited, cancelled(), after({ ...voided, waited: true }, held)],
    ['ACTIVE', active, holding, created(), NOTHING],
    ['ACTIVE', active, holding, completed(), after(sold, gone)],
    ['ACTIVE', active, holding, cancelled(), after(released, restored)],
    ['SOLD', sold, gone, created(), NOTHING],
    ['SOLD', sold, gone, completed(), NOTHING],
    ['SOLD', sold, gone, cancelled(), after(released, restored)],
    ['RELEASED', released, untouched, created(), NOTHING],
    ['RELEASED', released, untouched, completed(), NOTHING],
    ['RELEASED', released, untouched, cancelled(), NOTHING],
    ['REJECTED', rejected, untouched, created(), NOTHING],
    ['REJECTED', rejected, untouched, completed(), 'throws'],
    ['REJECTED', rejected, untouched, cancelled(), NOTHING],
    ['VOID', voided, untouched, created(), NOTHING],
    ['VOID', voided, untouched, completed(), NOTHING],
    ['VOID', voided, untouched, cancelled(), NOTHING],
  ];

  for (const [name, reservation, stock, event, expected] of table) {
    const outcome = expected === 'throws' ? 'it throws' : expected === NOTHING ? 'nothing changes' : 'it is applied';
    it(`when ${event.type} comes and the reservation is ${name}, then ${outcome}`, () => {
      const act = () => decide({ ...nobody, reservation, products: productsOf(stock) }, event);
      if (expected === 'throws') expect(act).toThrow(ORDER_ID);
      else expect(act()).toEqual(expected);
    });
  }
});

describe('order-created', () => {
  const reserve = (event: OrderEvent, ...products: ProductStock[]) =>
    decide({ ...nobody, reservation: undefined, products: productsOf(...products) }, event);
  const lines = [
    { productId: 1, quantity: 3 },
    { productId: 2, quantity: 10 },
  ];
  const refusal = (reason: string, productId: number | null, totalAmount: number | null) => ({
    reservation: { ...rejected, reason },
    products: [],
    events: [{ type: 'stock-rejected', data: { ...order, reason, productId, totalAmount } }],
  });

  it('when every line fits, then all are reserved at present prices', () => {
    const decision = reserve(created({ lines, expectedTotal: 23_000 }), product(1), product(2));
    expect(decision.reservation).toMatchObject({ status: 'ACTIVE', totalAmount: 23_000 });
    expect(decision.products).toEqual([
      product(1, { available: 7, reserved: 3 }),
      product(2, { available: 0, reserved: 10 }),
    ]);
  });

  it('when one line does not fit, then none is reserved', () => {
    const decision = reserve(created({ lines }), product(1), product(2, { available: 9 }));
    expect(decision).toEqual(refusal('OUT_OF_STOCK', 2, null));
  });

  it('when a product does not exist, then none is reserved, whatever else is wrong', () => {
    const decision = reserve(created({ lines, expectedTotal: 1 }), product(1, { available: 0 }));
    expect(decision).toEqual(refusal('PRODUCT_NOT_FOUND', 2, null));
  });

  it('when the client showed another total, then it is refused with the right one', () => {
    const decision = reserve(created({ lines, expectedTotal: 22_999 }), product(1), product(2));
    expect(decision).toEqual(refusal('PRICE_CHANGED', null, 23_000));
  });

  it('when the products cost nothing, then a total of 0 is reserved', () => {
    expect(reserve(created({ expectedTotal: 0 }), product(1, { price: 0 })).reservation).toMatchObject({
      status: 'ACTIVE',
      totalAmount: 0,
    });
  });

  it('when the order names a coupon, then its event names it too', () => {
    const [event] = reserve(created({ couponId: 'c' }), product(1)).events;
    expect(event?.data).toMatchObject({ couponId: 'c' });
  });

  const impossible = [
    [],
    [{ productId: 1, quantity: 0 }],
    [{ productId: 1, quantity: -5 }],
    [{ productId: 1, quantity: 0.5 }],
    [
      { productId: 1, quantity: 1 },
      { productId: 1, quantity: 2 },
    ],
  ];
  for (const broken of impossible) {
    it(`when the lines are ${JSON.stringify(broken)}, then it throws`, () => {
      expect(() => reserve(created({ lines: broken }), product(1))).toThrow('impossible lines');
    });
  }
});

it('when a reserved product does not exist, then giving its stock back throws', () => {
  expect(() => decide({ ...nobody, reservation: active, products: productsOf() }, cancelled())).toThrow('product 1');
});
