/** A request as bytes, which `fetch` would not send, with the documented answer. */
export interface RawRequest {
  readonly name: string;
  readonly text: string;
  readonly status: number;
  /** Of a problem; undefined for a good answer. */
  readonly code?: string;
}

interface Parts {
  readonly headers?: readonly string[];
  readonly body?: string;
}

const INVALID = [400, 'VALIDATION_FAILED'] as const;
const NOT_JSON = [415, 'UNSUPPORTED_MEDIA_TYPE'] as const;
const NO_PATH = [404, 'NOT_FOUND'] as const;
const NO_ORDER = [404, 'ORDER_NOT_FOUND'] as const;
const OK = [200] as const;

/** Requests that are odd in form. None changes anything. */
export function rawRequests(userId: number, productId: number, orderId: string): RawRequest[] {
  const raw = (
    target: string,
    [status, code]: readonly [number, string?],
    { headers = [], body = '' }: Parts = {},
  ): RawRequest => ({
    name: [target, ...headers, body.slice(0, 60)].join(' | '),
    text: [`${target} HTTP/1.1`, 'Host: shop', 'Connection: close', ...headers, '', body].join('\r\n'),
    status,
    ...(code !== undefined && { code }),
  });
  const sized = (body: string, ...headers: string[]): Parts => ({
    headers: ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...headers],
    body,
  });
  const order = (rest: object = {}) => JSON.stringify({ userId, items: [{ productId, quantity: 1 }], ...rest });
  const typed = (type: string, ...more: string[]): Parts => {
    const body = order();
    return { headers: [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`, ...more], body };
  };
  const product = (name: string) => sized(JSON.stringify({ name, price: 1, stockQuantity: 1 }));
  const policy = (name: string) => sized(JSON.stringify({ name, discountAmount: 1, totalQuantity: 1, validDays: 1 }));
  return [
    // Paths.
    raw('GET /products/', NO_PATH),
    raw('GET //products', NO_PATH),
    raw('GET /products//', NO_PATH),
    raw('GET /Products', NO_PATH),
    raw('GET /products/1/', NO_PATH),
    raw(`GET /orders/${orderId}/?userId=${userId}`, NO_PATH),
    raw(`GET /orders/${orderId}%2Fevents?userId=${userId}`, NO_ORDER),
    raw(`GET /orders/%2e%2e?userId=${userId}`, NO_ORDER),
    raw(`GET /orders/..%2f..?userId=${userId}`, NO_ORDER),
    raw(`GET /orders/${orderId.replaceAll('-', '%2D')}?userId=${userId}`, OK),
    raw(`GET /orders/${orderId}%00?userId=${userId}`, NO_ORDER),
    raw(`GET /orders/${orderId}%0A?userId=${userId}`, NO_ORDER),
    raw(`GET /orders/%zz?userId=${userId}`, INVALID),
    raw(`GET /orders/%ff?userId=${userId}`, INVALID),
    raw(`GET /orders/%C0%AF?userId=${userId}`, INVALID),
    raw('GET /products/%31', OK),
    raw('GET /products/%D9%A1', INVALID),
    raw('GET /products/1%20', INVALID),
    raw('GET /products/1e0', INVALID),
    raw('GET /products/0x1', INVALID),
    raw('GET /products/+1', INVALID),
    raw('GET /products/9007199254740993', INVALID),
    raw('GET /products/99999999999999999999999999', INVALID),
    raw('GET /coupons/requests/%00?userId=1', NO_PATH),
    raw('GET /products;v=1', NO_PATH),
    raw('GET http://elsewhere/products', NO_PATH),
    raw('GET *', NO_PATH),
    raw('OPTIONS *', NO_PATH),
    // Queries.
    raw('GET /products?limit=1&limit=2', INVALID),
    raw('GET /products?limit[]=1', INVALID),
    raw('GET /products?limit=1&unknown=1', INVALID),
    raw('GET /products?limit=%31', OK),
    raw('GET /products?limit=1%00', INVALID),
    raw('GET /products?limit=%zz', INVALID),
    raw('GET /products?__proto__=1', INVALID),
    raw('GET /products?cursor=&limit=1', INVALID),
    raw('GET /products/popular?days=3&days=3', INVALID),
    raw('GET /products/popular?days=03', OK),
    raw(`GET /orders?userId=${userId}&userId=${userId}`, INVALID),
    raw(`GET /orders?userId=${userId}.0`, INVALID),
    raw(`GET /orders?userId=%20${userId}`, INVALID),
    raw(`GET /points?userId=${userId}&__proto__[x]=1`, INVALID),
    raw(`GET /points/history?userId=${userId}&cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk`, INVALID),
    raw('GET /products/1?anything=1', INVALID),
    // Methods.
    raw('PUT /orders', [405, 'METHOD_NOT_ALLOWED']),
    raw('DELETE /products/1', [405, 'METHOD_NOT_ALLOWED']),
    raw('TRACE /orders', [405, 'METHOD_NOT_ALLOWED']),
    raw('OPTIONS /orders', [405, 'METHOD_NOT_ALLOWED']),
    raw('OPTIONS /nowhere', NO_PATH),
    raw('PUT /nowhere', NO_PATH),
    raw('PUT /', [405, 'METHOD_NOT_ALLOWED']),
    raw('HEAD /products', OK),
    raw(`HEAD /orders/${orderId}?userId=${userId}`, OK),
    raw(`HEAD /orders/${orderId}/events?userId=${userId}`, OK),
    raw('HEAD /orders/nothing', [400]),
    // Bodies.
    raw('POST /orders', NOT_JSON, typed('text/plain')),
    raw('POST /orders', NOT_JSON, typed('application/jsonp')),
    raw('POST /orders', NOT_JSON, typed('application/json; charset=utf-16')),
    raw('POST /orders', NOT_JSON, typed('application/json; charset=iso-8859-1')),
    raw('POST /orders', NOT_JSON, typed('application/json', 'Content-Encoding: gzip')),
    raw('POST /orders', NOT_JSON, typed('application/json', 'Content-Encoding: identity, br')),
    raw('POST /orders', NOT_JSON, { headers: ['Content-Length: 2'], body: '{}' }),
    raw('POST /orders', INVALID, sized('{"userId":1,"userId":2')),
    raw('POST /orders', INVALID, sized('\ufeff{}')),
    raw('POST /orders', INVALID, sized(order({ items: [{ productId: `${productId}`, quantity: 1 }] }))),
    raw('POST /orders', INVALID, sized(`{"userId":${userId},"items":[{"productId":1e400,"quantity":1}]}`)),
    raw(
      'POST /orders',
      INVALID,
      sized(`{"userId":${userId},"items":[{"productId":${productId},"quantity":1.0000001}]}`),
    ),
    raw('POST /orders', INVALID, sized(`{"userId":${'9'.repeat(400)},"items":[{"productId":1,"quantity":1}]}`)),
    raw('POST /orders', INVALID, sized(order({ couponId: `{${orderId}}` }))),
    raw('POST /orders', INVALID, sized(order({ expectedTotal: '100' }))),
    raw(`POST /orders?userId=${userId}&userId=${userId}`, INVALID, sized(order())),
    raw('POST /orders?unknown=1', INVALID, sized(order())),
    raw(`POST /orders/${orderId}/cancel`, INVALID, sized('null')),
    raw(`POST /orders/${orderId}/cancel`, INVALID, sized('[]')),
    raw(`POST /orders/${orderId}/cancel`, INVALID, sized('""')),
    raw(`POST /orders/${orderId}/cancel`, INVALID, sized(JSON.stringify({ userId, reason: 'x' }))),
    raw('POST /points/charge', INVALID, sized(JSON.stringify({ userId, amount: '1' }))),
    raw('POST /points/charge', INVALID, sized(JSON.stringify({ userId: `${userId}`, amount: 1 }))),
    raw('POST /points/charge', INVALID, sized(`{"userId":${userId},"amount":1e400}`)),
    raw('POST /coupons/issue', INVALID, sized(JSON.stringify({ userId, couponPolicyId: '1' }))),
    raw('POST /coupons/issue', INVALID, sized('null')),
    // Texts that would be stored.
    ...['a\u0000b', '\u001b[2J', 'a\nb', 'a\u007f', 'a\u009b', '\u202egpj', 'a\u2028b', '\u200b', '\ud800'].flatMap(
      (name) => [raw('POST /products', INVALID, product(name)), raw('POST /coupon-policies', INVALID, policy(name))],
    ),
    // Headers.
    raw('GET /products', [417, 'EXPECTATION_FAILED'], { headers: ['Expect: foo'] }),
    raw('POST /orders', [417, 'EXPECTATION_FAILED'], sized(order(), 'Expect: foo')),
    raw('POST /orders', INVALID, sized(order(), 'Idempotency-Key: a', 'Idempotency-Key: b')),
    raw('POST /orders', INVALID, sized(order(), 'Idempotency-Key: a b')),
    raw('POST /orders', INVALID, sized(order(), 'Content-Length: 3')),
    raw('POST /orders', INVALID, sized(order(), 'Transfer-Encoding: chunked')),
    raw('POST /orders', INVALID, {
      headers: ['Content-Type: application/json', 'Transfer-Encoding: gzip'],
      body: order(),
    }),
    raw('GET /products', OK, { headers: ['X-Forwarded-For: "', 'Forwarded: for="', 'traceparent: 00-zz'] }),
    raw('GET /products', OK, { headers: ['If-None-Match: "', 'Cache-Control: max-age=never', 'Accept: image/png'] }),
    raw('GET /products', OK, { headers: ['Range: bytes=0-1', 'If-Modified-Since: yesterday'] }),
    raw(`GET /orders/${orderId}?userId=${userId}`, OK, { headers: ['Prefer: wait=-1', 'Prefer: wait=99999999999'] }),
    raw(`GET /orders/${orderId}/events?userId=${userId}`, OK, { headers: ['Last-Event-ID: \u00ff, x'] }),
    raw('GET /products', OK, { headers: ['Upgrade: websocket', 'Connection: Upgrade'] }),
    raw('GET /products', INVALID, { headers: ['X-Broken : 1'] }),
  ];
}
