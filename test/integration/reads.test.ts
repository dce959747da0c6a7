import { beforeAll, expect, it } from '@jest/globals';
import { signedCalls } from '../../ops/src/signed-call.ts';
import { Api, expectStatus } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { type System, sharedSystem } from '../support/system.ts';

interface Product {
  readonly productId: number;
  readonly price: number;
  readonly stockQuantity: number;
}

let system: System;
let api: Api;

beforeAll(async () => {
  system = await sharedSystem();
  api = system.api;
}, 120_000);
/** The product as shown to all clients. */
const look = async (productId: number): Promise<Product> =>
  expectStatus(await api.request<Product>('GET', `/products/${productId}`), 200).body;
const change = (productId: number, body: object) =>
  api.request<Product>('PATCH', `/products/${productId}`, { body }).then((answer) => expectStatus(answer, 200));

it('when stock is sold, or added by another instance than the one asked, then all clients are shown it', async () => {
  const productId = await api.newProduct(100, 10);
  const userId = await api.newUser(10_000);
  expect((await look(productId)).stockQuantity).toBe(10);
  expectStatus(await api.placeOrder(userId, [[productId, 3]], { wait: 20 }), 201);
  await eventually('the sale to be shown', async () => (await look(productId)).stockQuantity === 7);

  // The gateway knows only the first instance.
  const second = await system.start('catalog', 2);
  const there = new Api(second.url, signedCalls(system.stack.env.INTERNAL_KEYS));
  expectStatus(await there.request('PATCH', `/products/${productId}`, { body: { restock: 20 } }), 200);
  await eventually('the restock to be shown', async () => (await look(productId)).stockQuantity === 27);
});

it('when an operator changes a price, then it is read back at once, however many clients look on', async () => {
  const productId = await api.newProduct(1, 10);
  let looking = true;
  const onlookers = Array.from({ length: 4 }, async () => {
    while (looking) await look(productId);
  });
  try {
    for (let price = 2; price < 20; price++) {
      await change(productId, { price });
      expect((await look(productId)).price).toBe(price);
      const list = await api.request<{ items: Product[] }>('GET', '/products', {
        query: { limit: 1, cursor: Buffer.from(`${productId - 1}`).toString('base64url') },
      });
      expect(list.body.items).toMatchObject([{ productId, price }]);
    }
  } finally {
    looking = false;
    await Promise.all(onlookers);
  }
});

it('when points are charged, then their user reads them back at once, however many ask', async () => {
  const users = await Promise.all(Array.from({ length: 10 }, () => api.newUser(1)));
  await Promise.all(
    users.map(async (userId) => {
      for (let balance = 2; balance < 12; balance++) {
        expectStatus(await api.charge(userId, 1), 200);
        expect(await api.balance(userId)).toBe(balance);
      }
    }),
  );
});

it.each(['/products', '/products/popular', '/coupon-policies'])(
  'when %s is asked for with any If-None-Match, then the answer is 200 or 304',
  async (path) => {
    const { etag, status } = await api.request('GET', path).then(({ headers, status: s }) => ({
      etag: headers.get('etag') ?? '',
      status: s,
    }));
    expect([status, etag]).toEqual([200, expect.stringMatching(/^"[\w-]{22}"$/)]);
    const hostile = [
      '""',
      'W/""',
      '"',
      etag.slice(1),
      `${etag}${etag}`,
      'W/'.repeat(1_000),
      '"a",'.repeat(1_000),
      '%00',
    ];
    for (const tag of hostile) {
      const answer = await api.request('GET', path, { headers: { 'if-none-match': tag } });
      expect(expectStatus(answer, 200).text.length).toBeGreaterThan(2);
    }
    expectStatus(await api.request('GET', path, { headers: { 'if-none-match': '*' } }), 304);
  },
);
