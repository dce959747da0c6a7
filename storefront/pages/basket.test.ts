import { beforeEach, expect, it, jest } from '@jest/globals';
import { loadBasket, saveBasket } from '../kept-basket.ts';
import { answerWith, json, openPage, pass, standInForBrowser } from '../testing.ts';
import { basketPage } from './basket.ts';

const TEA = { productId: 1, name: 'tea', price: 300 };

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
});

it.each([
  [1, '0', 1],
  [3, '', 1],
  [1_000, '5000', 1_000],
  [2, '2.5', 2],
  [2, '7', 7],
])(
  'when the quantity is %i and %j is typed, then the field shows the %i that are ordered',
  async (before, typed, stored) => {
    answerWith(() => json(TEA));
    saveBasket([{ ...TEA, quantity: before }]);
    const page = openPage(basketPage);
    await pass(10);
    const field = { value: typed };
    page
      .drawn()
      .listeners.find(({ event }) => event === 'change')
      ?.call({ target: field });
    expect(loadBasket()).toEqual([{ ...TEA, quantity: stored }]);
    expect(field.value).toBe(String(stored));
    page.leave();
  },
);
