import { beforeEach, expect, it, jest } from '@jest/globals';
import { changeProduct } from './change-product.ts';
import { startSession } from './session.ts';
import { answerWith, json, pass, standInForBrowser } from './testing.ts';

const PRODUCT = { productId: 7, name: 'pot', price: 5_000, stockQuantity: 50 };

beforeEach(() => {
  standInForBrowser();
  startSession({ userId: 1, scope: 'ops', token: 't' });
  jest.useFakeTimers();
});

it.each([{ restock: 50 }, { takeBack: 5 }])(
  'when the answer to %j is lost, then it is sent again with the same key, so that it is done once',
  async (patch) => {
    const sent = answerWith((_, count) => {
      if (count === 1) throw new TypeError('connection lost');
      return json(PRODUCT);
    });
    const changed = changeProduct(7, patch);
    await pass(3_000);
    expect(await changed).toEqual(PRODUCT);
    expect(sent.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['PATCH', '/products/7', patch],
      ['PATCH', '/products/7', patch],
    ]);
    const [first, second] = sent.map(({ headers }) => headers.get('idempotency-key'));
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).toBe(first);
  },
);

it('when a change is done, then the same change again is another one', async () => {
  const sent = answerWith(() => json(PRODUCT));
  await changeProduct(7, { restock: 50 });
  await changeProduct(7, { restock: 50 });
  expect(new Set(sent.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(2);
});

it('when a product is withdrawn, then that needs no key: a repeat years later must not be taken for the first', async () => {
  const sent = answerWith((_, count) => {
    if (count === 1) throw new TypeError('connection lost');
    return json(PRODUCT);
  });
  const changed = changeProduct(7, { onSale: false });
  await pass(3_000);
  await changed;
  expect(sent.map(({ headers }) => headers.get('idempotency-key'))).toEqual([null, null]);
});
