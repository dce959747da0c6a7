import { expect, it } from '@jest/globals';
import type { ProductFacts } from '../domain/facts.ts';
import { type CountedProduct, countStock, type Held } from './count-stock.ts';

const chair: ProductFacts = {
  ...{ productId: 1, name: 'chair', price: 1000, initialStock: 10, restocked: 0, takenBack: 0 },
  ...{ onSale: true, version: 1 },
};

function countsOf(held: ReadonlyMap<number, Held>) {
  const saved: CountedProduct[] = [];
  const counts = {
    readHeld: async () => held,
    readWaiting: async () => new Map<number, number>(),
    readProducts: async () => [chair],
    save: async (products: readonly CountedProduct[]) => void saved.push(...products),
  };
  return { counts, saved };
}

it('when orders hold pieces of a product that is not there, then it is refused; where gaps are accepted, then it is said', async () => {
  const { counts, saved } = countsOf(new Map([1, 7].map((id) => [id, { reserved: 2, sold: 1 }])));
  const warnings: string[] = [];
  const count = (acceptGaps: boolean) =>
    countStock(counts, { acceptGaps, fence: async () => {}, warn: (words) => void warnings.push(words) });
  await expect(count(false)).rejects.toThrow('orders hold pieces of 1 products that are not there: 7');
  expect(saved).toEqual([]);
  await count(true);
  expect(saved).toMatchObject([{ productId: 1, available: 7, reserved: 2, sold: 1 }]);
  expect(warnings).toEqual(['orders hold pieces of 1 products that are not there: 7']);
});
