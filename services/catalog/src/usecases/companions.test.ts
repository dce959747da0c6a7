import { describe, expect, it } from '@jest/globals';
import { RestartTransactionError } from '@shop/chassis';
import type { StockSnapshot } from '../domain/batch.ts';
import { createCompanions, lockWithCompanions } from './companions.ts';

/** A line in memory, by order: the products that each waits for. Every product exists. */
function createLine() {
  const line = new Map<string, readonly number[]>();
  const companions = createCompanions();
  const locked: number[][] = [];

  async function lockStock(_: undefined, productIds: readonly number[]): Promise<StockSnapshot> {
    locked.push([...productIds]);
    const all = [...line].map(([orderId, wanted]) => waitingOrder(orderId, wanted));
    const waiting = (productId: number) => [...line.values()].filter((wanted) => wanted.includes(productId)).length;
    const products = productIds.map((productId) => ({
      ...{ productId, name: `product ${productId}`, price: 1, available: 0, reserved: 1, sold: 0, onSale: true },
      waiting: waiting(productId),
    }));
    const inLine = all.filter(({ wants }) => wants.some(({ productId }) => productIds.includes(productId)));
    return {
      products: new Map(products.map((it) => [it.productId, it])),
      line: new Map(inLine.map((it) => [it.orderId, it])),
    };
  }

  return {
    line,
    /** Locks the products as a transaction does that begins again, and tells what it locked at each try. */
    async lock(...productIds: number[]): Promise<number[][]> {
      locked.length = 0;
      for (let tries = 1; tries <= 20; tries++) {
        try {
          await lockWithCompanions({ lockStock }, companions, undefined, productIds);
          return [...locked];
        } catch (error) {
          if (!(error instanceof RestartTransactionError)) throw error;
        }
      }
      throw new Error(`it begins again for ever, and locks ${locked.at(-1)?.join(', ')}`);
    },
  };
}

function waitingOrder(orderId: string, wanted: readonly number[]) {
  const wants = wanted.map((productId) => ({ productId, quantity: 1 }));
  return {
    ...{ orderId, userId: 1, couponId: null, waited: true, expectedTotal: null },
    status: 'WAITING',
    wants,
  } as const;
}

describe('the products that are locked together', () => {
  it('when nobody waits, then only the asked are locked, once', async () => {
    const { lock } = createLine();
    expect(await lock(2, 3)).toEqual([[2, 3]]);
  });

  it('when an order in line wants another product too, then it begins again once, and then knows it', async () => {
    const { line, lock } = createLine();
    line.set('pair', [1, 2]);
    expect(await lock(2)).toEqual([[2], [1, 2]]);
    expect(await lock(2)).toEqual([[1, 2]]);
  });

  it('when a product has left a group and waits with another one, then whoever locks its former companion ends', async () => {
    const { line, lock } = createLine();
    line.set('w0', [1, 2]).set('w1', [1]);
    await lock(1);
    line.delete('w0');
    await lock(1);
    line.set('w2', [2, 3]);
    expect((await lock(1)).length).toBeLessThanOrEqual(3);
    expect((await lock(2)).at(-1)).toEqual(expect.arrayContaining([2, 3]));
  });

  it('when nobody waits for two products together any more, then they are locked alone again, though both are awaited', async () => {
    const { line, lock } = createLine();
    line.set('pair', [1, 2]).set('one', [1]).set('other', [2]);
    await lock(1);
    line.delete('pair');
    expect(await lock(1)).toEqual([[1, 2]]);
    expect(await lock(1)).toEqual([[1]]);
    expect(await lock(2)).toEqual([[2]]);
  });

  it('when lines of many products change in any order, then every lock ends, with all that its line wants', async () => {
    for (let seed = 1; seed <= 100; seed++) {
      let state = (seed * 2_654_435_761) % 2 ** 32;
      const below = (limit: number): number => {
        state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
        return Math.floor((state / 2 ** 32) * limit);
      };
      const { line, lock } = createLine();
      for (let step = 0; step < 200; step++) {
        const [first = '', wanted = []] = [...line][below(line.size)] ?? [];
        const isEnd = line.size > 0 && below(2) === 0;
        const productIds = isEnd ? wanted : [...new Set([below(8), ...(below(2) === 0 ? [below(8)] : [])])];
        const last = (await lock(...productIds)).at(-1);
        for (const both of line.values()) {
          if (both.some((it) => last?.includes(it))) expect(last).toEqual(expect.arrayContaining([...both]));
        }
        if (isEnd) line.delete(first);
        else if (below(3) === 0) line.set(`${step}`, productIds);
      }
    }
  });
});
