/** A request that no honest client sends, with its documented refusal. */
export interface HostileRequest {
  readonly name: string;
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent unchanged, in place of `body`. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: string;
}

const item = (productId: unknown, quantity: unknown) => ({ productId, quantity });
const lines = (count: number) => Array.from({ length: count }, (_, index) => item(index + 1, 1));
const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const SQL = "1' OR '1'='1'; DROP TABLE orders; --";
const UUID = '01890000-0000-7000-8000-000000000000';

const invalid = { status: 400, code: 'VALIDATION_FAILED' } as const;
const post =
  (path: string) =>
  (name: string, body: unknown, expected: { status: number; code: string } = invalid) => ({
    name: `POST ${path}: ${name}`,
    path,
    body,
    ...expected,
  });
const order = post('/orders');
const charge = post('/points/charge');
const product = post('/products');

/** The table. Every request must leave every schema unchanged. `userId` and `productId` must exist. */
export function hostileRequests(userId: number, productId: number): HostileRequest[] {
  const good = { userId, items: [item(productId, 1)] };
  const rawOrder = (name: string, raw: string, expected: { status: number; code: string } = invalid) => ({
    name: `POST /orders: ${name}`,
    path: '/orders',
    raw,
    ...expected,
  });
  const get = (path: string, expected: { status: number; code: string } = invalid): HostileRequest => ({
    name: `GET ${path}`,
    method: 'GET',
    path,
    ...expected,
  });
  const tooLarge = { status: 413, code: 'PAYLOAD_TOO_LARGE' };
  const noOrder = { status: 404, code: 'ORDER_NOT_FOUND' };
  return [
    rawOrder('malformed JSON', '{"userId": 1, "items": ['),
    rawOrder('no JSON at all', 'hello'),
    rawOrder('an empty body', ''),
    rawOrder('null', 'null'),
    rawOrder('an array', '[]'),
    rawOrder('NaN as a quantity', `{"userId":${userId},"items":[{"productId":${productId},"quantity":NaN}]}`),
    order('a user whose id no event can carry', { ...good, userId: Number.MAX_SAFE_INTEGER }),
    order('a product whose id no event can carry', { userId, items: [item(Number.MAX_SAFE_INTEGER, 1)] }),
    order('an expected total that no event can carry', { ...good, expectedTotal: Number.MAX_SAFE_INTEGER }),
    charge('a user whose id no event can carry', { userId: Number.MAX_SAFE_INTEGER, amount: 1 }),
    rawOrder(
      'prototype pollution',
      `{"__proto__":{"admin":true},"userId":${userId},"items":[{"productId":${productId},"quantity":1}]}`,
    ),
    rawOrder(
      'constructor pollution',
      `{"constructor":{"prototype":{"admin":true}},"userId":${userId},"items":[{"productId":${productId},"quantity":1}]}`,
    ),
    rawOrder('JSON 5,000 levels deep', deep(5_000)),
    rawOrder('a body of 1 MB', JSON.stringify({ ...good, note: 'x'.repeat(1_000_000) }), tooLarge),
    order('an unknown field', { ...good, discount: 100 }),
    order('an unknown field of a line', { userId, items: [{ ...item(productId, 1), price: 0 }] }),
    order('quantity 0', { userId, items: [item(productId, 0)] }),
    order('quantity -1', { userId, items: [item(productId, -1)] }),
    order('quantity 1e9', { userId, items: [item(productId, 1e9)] }),
    order('quantity 1.5', { userId, items: [item(productId, 1.5)] }),
    order('quantity "1"', { userId, items: [item(productId, '1')] }),
    order('quantity null', { userId, items: [item(productId, null)] }),
    order('1,001 of one product in two lines', { userId, items: [item(productId, 1_000), item(productId, 1)] }),
    order('51 lines', { userId, items: lines(51) }),
    order('no lines', { userId, items: [] }),
    order('lines that are no list', { userId, items: { 0: item(productId, 1) } }),
    order('no items', { userId }),
    order('no user', { items: good.items }),
    order('a user that is text', { ...good, userId: SQL }),
    order('a product that is text', { userId, items: [item(SQL, 1)] }),
    order('product 0', { userId, items: [item(0, 1)] }),
    order('a product beyond 2^53', { userId, items: [item(2 ** 60, 1)] }),
    order('a coupon that is no id', { ...good, couponId: 'FREE-STUFF' }),
    order('a coupon that is SQL', { ...good, couponId: SQL }),
    order('a coupon that is a number', { ...good, couponId: 1 }),
    order('a coupon that is null', { ...good, couponId: null }),
    order('a coupon id in letters that look like others', {
      ...good,
      couponId: UUID.replace('a', 'ａ').replace('0', '０'),
    }),
    order('a negative expected total', { ...good, expectedTotal: -1 }),
    order('an expected total of 1.5', { ...good, expectedTotal: 1.5 }),
    { ...order('a key of 300 characters', good), headers: { 'idempotency-key': 'k'.repeat(300) } },
    { ...order('an empty key', good), headers: { 'idempotency-key': '' } },
    {
      ...order('a wrong content type', good),
      headers: { 'content-type': 'text/plain' },
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    },
    {
      ...order('a form', good),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
    },
    charge('a negative amount', { userId, amount: -1 }, { status: 400, code: 'INVALID_CHARGE_AMOUNT' }),
    charge('amount 0', { userId, amount: 0 }, { status: 400, code: 'INVALID_CHARGE_AMOUNT' }),
    charge('too large an amount', { userId, amount: 10_000_001 }, { status: 400, code: 'INVALID_CHARGE_AMOUNT' }),
    charge('half a won', { userId, amount: 0.5 }, { status: 400, code: 'INVALID_CHARGE_AMOUNT' }),
    charge('text as an amount', { userId, amount: '1000' }),
    charge('an unknown field', { userId, amount: 1_000, currency: 'USD' }),
    charge('no user', { amount: 1_000 }),
    product('a negative price', { name: 'x', price: -1, stockQuantity: 1 }),
    product('a negative stock', { name: 'x', price: 1, stockQuantity: -1 }),
    product('no name', { name: '', price: 1, stockQuantity: 1 }),
    product('a name of 10,000 characters', { name: 'x'.repeat(10_000), price: 1, stockQuantity: 1 }),
    product('an unknown field', { name: 'x', price: 1, stockQuantity: 1, sold: 5 }),
    { name: 'PATCH /products: nothing', method: 'PATCH', path: `/products/${productId}`, body: {}, ...invalid },
    {
      name: 'PATCH /products: a negative restock',
      method: 'PATCH',
      path: `/products/${productId}`,
      body: { restock: -5 },
      ...invalid,
    },
    {
      name: 'POST /orders/:id/cancel: an order that does not exist',
      path: `/orders/${UUID}/cancel`,
      body: { userId },
      status: 404,
      code: 'ORDER_NOT_FOUND',
    },
    {
      name: 'POST /orders/:id/cancel: SQL as an id',
      path: `/orders/${encodeURIComponent(SQL)}/cancel`,
      body: { userId },
      ...noOrder,
    },
    get(`/orders/${UUID}?userId=${userId}`, noOrder),
    get(`/orders/NaN?userId=${userId}`, noOrder),
    get(`/orders/${encodeURIComponent(SQL)}?userId=${userId}`, noOrder),
    get('/products/NaN'),
    get('/products/-1'),
    get('/products/1.5'),
    get(`/products/${encodeURIComponent(SQL)}`),
    get('/products/999999999', { status: 404, code: 'PRODUCT_NOT_FOUND' }),
    get('/products?limit=101'),
    get('/products?limit=0'),
    get('/products?limit=ten'),
    get('/products?cursor=%00%ff'),
    get('/points'),
    get('/points?userId=NaN'),
    get('/points?userId=-1'),
    get('/points?userId=1&userId=2'),
    get(`/points?userId=${encodeURIComponent(SQL)}`),
    get(`/orders?userId=${userId}&status=LOST`),
    get(`/orders?userId=${userId}&cursor=${encodeURIComponent(SQL)}`),
  ];
}
