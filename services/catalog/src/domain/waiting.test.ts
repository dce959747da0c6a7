import { describe, expect, it } from '@jest/globals';
import { LIMITS, orderIdOf, product, productsOf } from '../../test/examples.ts';
import { settle } from './reservation.ts';
import type { ProductStock, WaitingReservation } from './states.ts';
import { Ahead, fullLine, judge, type Limits, unpaidKey, type Wish } from './waiting.ts';

type Wants = readonly (readonly [productId: number, quantity: number])[];

function wish(wants: Wants, change: Partial<Wish> = {}): Wish {
  return {
    userId: 1,
    wants: wants.map(([productId, quantity]) => ({ productId, quantity })),
    expectedTotal: null,
    ...change,
  };
}

function look(
  it: Wish,
  products: ProductStock[],
  { limits = LIMITS, unpaid = new Map<string, number>(), ahead = new Ahead() } = {},
): string {
  const verdict = judge(it, { products: productsOf(...products), limits, unpaid, ahead });
  return verdict.kind === 'fits' ? `fits at ${verdict.totalAmount}` : `${verdict.kind}: ${verdict.reason}`;
}

describe('an order at the counter', () => {
  it('when enough is available, then it fits at the prices of now', () => {
    expect(look(wish([[1, 2]]), [product(1)])).toBe('fits at 2000');
  });

  it('when what is held would suffice, then it waits; when it would not, then it is sold out', () => {
    const held = product(1, { available: 1, reserved: 2, sold: 7 });
    expect(look(wish([[1, 3]]), [held])).toBe('waits: PIECES_HELD');
    expect(look(wish([[1, 4]]), [held])).toBe('refused: OUT_OF_STOCK');
  });

  it('when a product is withdrawn from sale, then nobody gets a piece, however many there are', () => {
    const withdrawn = product(2, { onSale: false });
    const both = wish([
      [1, 1],
      [2, 1],
    ]);
    expect(look(wish([[2, 1]]), [withdrawn])).toBe('refused: PRODUCT_WITHDRAWN');
    expect(look(both, [product(1), withdrawn])).toBe('refused: PRODUCT_WITHDRAWN');
    expect(look(wish([[2, 99]]), [withdrawn])).toBe('refused: PRODUCT_WITHDRAWN');
    expect(look(wish([[3, 1]]), [withdrawn])).toBe('refused: PRODUCT_NOT_FOUND');
  });

  it('when those ahead want what is there, then it waits behind them, and takes only what they leave', () => {
    const ahead = new Ahead();
    ahead.add(wish([[1, 5]], { userId: 2 }), 'PIECES_HELD');
    const stock = [product(1, { available: 6, reserved: 4 })];
    expect(look(wish([[1, 2]]), stock, { ahead })).toBe('waits: PIECES_HELD');
    expect(look(wish([[1, 1]]), stock, { ahead })).toBe('fits at 1000');
  });

  it('when its user holds as much as one may, then it waits for the user’s own orders, and is in nobody’s way', () => {
    const limits: Limits = { ...LIMITS, unpaidPieces: 20 };
    const unpaid = new Map([[unpaidKey(1, 1), 18]]);
    const ahead = new Ahead();
    const third = wish([[1, 3]]);
    expect(look(third, [product(1)], { limits, unpaid })).toBe('waits: UNPAID_LIMIT');
    ahead.add(third, 'UNPAID_LIMIT');
    expect(look(wish([[1, 10]], { userId: 2 }), [product(1)], { limits, unpaid, ahead })).toBe('fits at 10000');
    expect(look(wish([[1, 2]]), [product(1)], { limits, unpaid })).toBe('fits at 2000');
  });

  it('when as many orders wait for a product as may, then there is room for nobody, and in other lines there is', () => {
    const limits: Limits = { ...LIMITS, waitingOrders: 3 };
    const room = (waiting: number, wants: Wants) => {
      const products = productsOf(product(1, { waiting }), product(2));
      return fullLine(wish(wants), { products, unpaid: new Map(), limits, ahead: new Ahead() });
    };
    expect(room(2, [[1, 1]])).toBeUndefined();
    expect(room(3, [[1, 1]])).toBe(1);
    expect(room(3, [[2, 1]])).toBeUndefined();
    expect(
      room(3, [
        [2, 1],
        [1, 1],
      ]),
    ).toBe(1);
  });

  it('when one user has as many orders in line as it may hold pieces, then there is room for others only', () => {
    const limits: Limits = { ...LIMITS, unpaidPieces: 3 };
    const ahead = new Ahead();
    const counter = { products: productsOf(product(1, { waiting: 3 })), unpaid: new Map(), limits, ahead };
    ahead.add(wish([[1, 1]]), 'PIECES_HELD');
    ahead.add(wish([[1, 1]]), 'UNPAID_LIMIT');
    expect(fullLine(wish([[1, 1]]), counter)).toBeUndefined();
    ahead.add(wish([[1, 1]]), 'UNPAID_LIMIT');
    expect(fullLine(wish([[1, 1]]), counter)).toBe(1);
    expect(fullLine(wish([[1, 1]], { userId: 2 }), counter)).toBeUndefined();
  });

  it('when it alone wants more than one user may hold, then it is refused', () => {
    const limits: Limits = { ...LIMITS, unpaidPieces: 20 };
    expect(look(wish([[1, 21]]), [product(1, { available: 50 })], { limits })).toBe('refused: QUANTITY_ABOVE_LIMIT');
  });

  it('when what its user waits for and holds reaches the limit, then the user’s next order stands aside', () => {
    const limits: Limits = { ...LIMITS, unpaidPieces: 5 };
    const ahead = new Ahead();
    ahead.add(wish([[1, 4]]), 'PIECES_HELD');
    const stock = [product(1, { available: 0, reserved: 10 })];
    expect(look(wish([[1, 2]]), stock, { limits, ahead })).toBe('waits: UNPAID_LIMIT');
  });
});

describe('the line', () => {
  const inLine = (n: number, wants: Wants, change: Partial<WaitingReservation> = {}): WaitingReservation => ({
    ...wish(wants),
    ...{ status: 'WAITING', orderId: orderIdOf(n), userId: n, couponId: null, waited: true },
    ...change,
  });
  const settled = (line: WaitingReservation[], ...products: ProductStock[]) =>
    settle({
      products: productsOf(...products),
      line: new Map(line.map((it) => [it.orderId, it])),
      ...{ unpaid: new Map(), limits: LIMITS },
    });
  const ends = (decisions: ReturnType<typeof settled>) =>
    decisions.map(({ reservation: it }) => `${it?.orderId.slice(-1)} ${it?.status}`);

  it('when pieces come back, then they go to the first, and a smaller order behind does not pass a larger one', () => {
    const line = [inLine(1, [[1, 2]]), inLine(2, [[1, 5]]), inLine(3, [[1, 1]])];
    const stock = product(1, { available: 4, reserved: 4, waiting: 3 });
    const decisions = settled(line, stock);
    expect(ends(decisions)).toEqual(['1 ACTIVE']);
    expect(decisions[0]?.products).toEqual([product(1, { available: 2, reserved: 6, waiting: 2 })]);
  });

  it('when the first also wants another product that is held, then those behind get only what it leaves', () => {
    const first = inLine(1, [
      [1, 2],
      [2, 1],
    ]);
    const stock = [product(1, { available: 3, waiting: 3 }), product(2, { available: 0, reserved: 1, waiting: 1 })];
    expect(ends(settled([first, inLine(2, [[1, 2]]), inLine(3, [[1, 1]])], ...stock))).toEqual([]);
    expect(ends(settled([first, inLine(3, [[1, 1]])], ...stock))).toEqual(['3 ACTIVE']);
  });

  it('when the other product of the first is sold out, then it is refused, and what it stood before goes to the next', () => {
    const first = inLine(1, [
      [1, 2],
      [2, 1],
    ]);
    const stock = [
      product(1, { available: 2, waiting: 2 }),
      product(2, { available: 0, reserved: 0, sold: 9, waiting: 1 }),
    ];
    const decisions = settled([first, inLine(2, [[1, 2]])], ...stock);
    expect(ends(decisions)).toEqual(['1 REJECTED', '2 ACTIVE']);
    expect(decisions.at(-1)?.products).toEqual([product(1, { available: 0, reserved: 2, waiting: 0 })]);
  });

  it('when a product is withdrawn, then all who wait for it are refused, and who waits for another goes on', () => {
    const both = inLine(1, [
      [1, 2],
      [2, 1],
    ]);
    const stock = [
      product(1, { available: 0, reserved: 9, waiting: 2, onSale: false }),
      product(2, { available: 1, waiting: 2 }),
    ];
    const decisions = settled([both, inLine(2, [[1, 1]]), inLine(3, [[2, 1]])], ...stock);
    expect(ends(decisions)).toEqual(['1 REJECTED', '2 REJECTED', '3 ACTIVE']);
    expect(decisions[1]?.events).toMatchObject([
      { type: 'stock-rejected', data: { reason: 'PRODUCT_WITHDRAWN', productId: 1 } },
    ]);
    expect(decisions[1]?.products).toEqual([product(1, { available: 0, reserved: 9, waiting: 0, onSale: false })]);
  });

  it('when the price changed since, then an order that expected another total is refused, others pay the new one', () => {
    const line = [inLine(1, [[1, 1]], { expectedTotal: 900 }), inLine(2, [[1, 1]])];
    const [refused, served] = settled(line, product(1, { available: 2, waiting: 2 }));
    expect(refused?.events).toMatchObject([
      { type: 'stock-rejected', data: { reason: 'PRICE_CHANGED', totalAmount: 1_000 } },
    ]);
    expect(served?.events).toMatchObject([{ type: 'stock-reserved', data: { totalAmount: 1_000 } }]);
  });
});
