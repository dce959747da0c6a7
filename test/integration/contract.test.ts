import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICE_NAMES } from '../../services/services.ts';
import {
  type Answer,
  Api,
  expectStatus,
  nextUserId,
  patiently,
  policyBody,
  type RequestOptions,
} from '../support/api.ts';
import type { Contract, DocumentedOperation } from '../support/contract.ts';
import { eventually, eventuallyPasses } from '../support/eventually.ts';
import { connectRoot } from '../support/stack.ts';
import { type System, startSystem } from '../support/system.ts';

// The client checks every answer here against services/gateway/openapi.json (`Api.contract`); the last test checks that
// every documented answer has been seen.

let system: System;
let contract: Contract;
let user: Client;
let ops: Client;

type Body = Record<string, unknown>;
type Call = (method: string, path: string, options?: RequestOptions) => Promise<Answer<Body>>;
interface Client {
  readonly userId: number;
  readonly authorization: string;
  readonly call: Call;
}

beforeAll(async () => {
  // Long enough for every order here, and short enough to wait for.
  system = await startSystem({ auth: 'on', env: { ORDER_DEADLINE_MS: '3000', ADMISSION_SHARE: '1' } });
  if (!system.api.contract) throw new Error('answers are not checked');
  contract = system.api.contract;
  await system.start('ops-console');
  user = await client();
  ops = await client('ops');
}, 120_000);

afterAll(() => system?.stop(), 60_000);

async function client(scope?: string, userId = nextUserId()): Promise<Client> {
  const asked = await system.api.request('POST', '/auth/demo-token', { body: { userId, ...(scope ? { scope } : {}) } });
  const authorization = `Bearer ${expectStatus(asked, 200).body.token}`;
  return {
    userId,
    authorization,
    call: (method, path, options = {}) =>
      system.api.request(method, path, { ...options, headers: { authorization, ...options.headers } }),
  };
}

const post = ({ call }: Client, path: string, body: unknown, headers: Record<string, string> = {}) =>
  call('POST', path, { body, headers });
const wait = { prefer: 'wait=10' };
const key = () => ({ 'idempotency-key': randomUUID() });
const order = (productId: number, quantity = 1, more = {}) => ({ items: [{ productId, quantity }], ...more });

async function newProduct(price: number, stockQuantity: number): Promise<number> {
  const made = await post(ops, '/products', { name: 'lamp', price, stockQuantity });
  return Number(expectStatus(made, 201).body.productId);
}
async function newPolicy(more = {}): Promise<number> {
  const policy = policyBody({ name: 'spring', validDays: 1, ...more });
  return Number(expectStatus(await post(ops, '/coupon-policies', policy), 201).body.couponPolicyId);
}
async function newCoupon(owner: Client): Promise<string> {
  const issued = await post(owner, '/coupons/issue', { couponPolicyId: await newPolicy() });
  return String(expectStatus(issued, 200).body.couponId);
}

/** A path of the operation with an id, which need not exist. */
function pathOf({ path, operationId }: DocumentedOperation): string {
  return path.replace('{id}', /product|policy/i.test(operationId) ? '999999' : randomUUID());
}
const isOfService = ({ tags: [tag = ''] }: DocumentedOperation) => tag !== 'gateway' && tag !== 'session';

describe('successful operations', () => {
  it('when points, products and policies are made and read, then the answers are as documented', async () => {
    const { call } = user;
    const again = key();
    for (const _ of [1, 2]) expectStatus(await post(user, '/points/charge', { amount: 900_000 }, again), 200);
    for (const path of ['/points', '/points/history', '/points/history?limit=1'])
      expectStatus(await call('GET', path), 200);
    const body = { name: 'chair', price: 2_000, stockQuantity: 5 };
    const made = [await post(ops, '/products', body, again), await post(ops, '/products', body, again)];
    expect(made[1]?.headers.get('idempotency-replayed')).toBe('true');
    const path = made[0]?.headers.get('location') ?? '';
    expectStatus(await ops.call('PATCH', path, { body: { restock: 3 }, headers: key() }), 200);
    for (const read of [path, '/products?limit=2', '/products/popular', '/coupon-policies', '/', '/openapi.json'])
      expectStatus(await system.api.request('GET', read), 200);
    for (const read of [path, '/products?limit=2', '/products/popular', '/coupon-policies']) {
      const etag = (await system.api.request('GET', read)).headers.get('etag') ?? '';
      const known = { headers: { 'if-none-match': etag } };
      // The list of the best sold may have changed meanwhile.
      await eventually(`${read} to be unchanged`, async () => {
        return (await system.api.request('GET', read, known)).status === 304;
      });
    }
    for (const read of ['/health/live', '/health/ready', '/.well-known/jwks.json'])
      expectStatus(await system.api.request('GET', read), 200);
  });

  it('when an order is placed, followed and cancelled, then its answers are as documented', async () => {
    const { call } = user;
    const productId = await newProduct(1_000, 10);
    const couponId = await newCoupon(user);
    const completed = await post(user, '/orders', order(productId, 2, { couponId }), { ...wait, ...key() });
    const path = expectStatus(completed, 201).headers.get('location') ?? '';
    expectStatus(await call('GET', path, { headers: wait }), 200);
    const steps = expectStatus(await call('GET', `${path}/events`), 200).text;
    const last = [...steps.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
    expectStatus(await call('GET', `${path}/events`, { headers: { 'last-event-id': last } }), 204);
    for (const status of [202, 200]) expectStatus(await post(user, `${path}/cancel`, {}), status);
    const pending = expectStatus(await post(user, '/orders', order(productId)), 202);
    await call('GET', String(pending.headers.get('location')), { headers: wait });
    expectStatus(await call('GET', '/orders?status=COMPLETED&limit=1'), 200);
    await eventuallyPasses('the ranking to count the order', async () => {
      const { body } = await system.api.request<{ items: unknown[] }>('GET', '/products/popular');
      expect(body.items.length).toBeGreaterThan(0);
    });
  });

  it('when coupons are asked for in both ways, then the answers are as documented', async () => {
    const couponPolicyId = await newPolicy({ startsAt: '2020-01-01T00:00:00Z', endsAt: '2090-01-01T00:00:00+09:00' });
    const later = await post(user, '/coupons/issue', { couponPolicyId }, { prefer: 'respond-async' });
    const path = expectStatus(later, 202).headers.get('location') ?? '';
    await eventuallyPasses('the coupon', async () => {
      expect(expectStatus(await user.call('GET', path), 200).body).toMatchObject({ status: 'ISSUED' });
    });
    expectStatus(await post(user, '/coupons/issue', { couponPolicyId }), 200);
    expectStatus(await user.call('GET', '/coupons?status=ISSUED'), 200);
    const again = key();
    const policy = policyBody({ name: 'again' });
    for (const _ of [1, 2]) expectStatus(await post(ops, '/coupon-policies', policy, again), 201);
    const end = `/coupon-policies/${couponPolicyId}/end`;
    expectStatus(await post(ops, end, { reason: 'a test' }), 200);
    expectStatus(await post(ops, end, { reason: 'a test', revoke: true }), 200);
    expectStatus(await user.call('GET', '/coupon-policies'), 200);
    const ended = expectStatus(await post(await client(), '/coupons/issue', { couponPolicyId }), 409);
    expect(ended.body.code).toBe('COUPON_POLICY_ENDED');
  });
});

describe('operations of operators', () => {
  it('when there is a rush and an audit, then their answers are as documented', async () => {
    for (const userId of [1, 2, 3]) {
      const buyer = await client(undefined, userId);
      expectStatus(await post(buyer, '/points/charge', { amount: 1_000_000 }), 200);
    }
    expectStatus(await ops.call('GET', '/ops/status'), 200);
    for (const missing of [{ productId: 987_654_321 }, { couponPolicyId: 987_654_321 }])
      expectStatus(await post(ops, '/ops/rush', { buyers: 1, ...missing }), 404);
    const [rush, ...others] = await Promise.all([1, 2].map(() => post(ops, '/ops/rush', { buyers: 3 })));
    expect([rush, ...others].map((answer) => answer?.status).toSorted()).toEqual([202, 409]);
    const begun = [rush, ...others].find((answer) => answer?.status === 202)?.headers.get('location');
    expectStatus(await ops.call('GET', `${begun}/events`), 200);
    expect(expectStatus(await ops.call('GET', String(begun)), 200).body).toMatchObject({ done: true });

    const audits = await Promise.all([1, 2].map(() => post(ops, '/ops/audit', {})));
    expect(audits.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    const path = audits.find(({ status }) => status === 202)?.headers.get('location');
    await eventually('the audit', async () => {
      return expectStatus(await ops.call('GET', String(path)), 200).body.state === 'DONE';
    });
  });
});

describe('refused requests', () => {
  it('when the caller is not authorized, then 401 and 403 are as documented', async () => {
    for (const operation of contract.operations.filter((it) => it['x-access'] !== 'public')) {
      const { method } = operation;
      const path = pathOf(operation);
      const body = method === 'GET' ? {} : { body: {} };
      expectStatus(await system.api.request(method, path, body), 401);
      expectStatus(
        await system.api.request(method, path, { ...body, headers: { authorization: 'Bearer x.y.z' } }),
        401,
      );
      const foreign =
        operation['x-access'] === 'ops' || method === 'GET' ? body : { body: { ...bodyFor(operation), userId: 1 } };
      expectStatus(await user.call(method, method === 'GET' ? `${path}?userId=1` : path, foreign), 403);
    }
  });

  it('when a request is malformed, then 400, 413 and 415 are as documented', async () => {
    const withBody = contract.operations.filter((it) => it.requestBody && isOfService(it));
    for (const operation of withBody) {
      const { method } = operation;
      const path = pathOf(operation);
      expectStatus(await ops.call(method, path, { raw: '{' }), 400);
      expectStatus(await ops.call(method, path, { raw: JSON.stringify({ a: 'x'.repeat(70_000) }) }), 413);
      expectStatus(await ops.call(method, path, { raw: 'a', headers: { 'content-type': 'text/plain' } }), 415);
    }
    const bad = [
      '/products?limit=0',
      '/products/x',
      '/products/popular?days=x',
      '/coupon-policies?cursor=!',
      '/points?x=1',
    ];
    bad.push(
      '/points/history?limit=x',
      '/orders?status=x',
      '/coupons?status=x',
      `/coupons/requests/${randomUUID()}?x=1`,
    );
    bad.push(`/orders/${randomUUID()}?x=1`, `/orders/${randomUUID()}/events?x=1`);
    bad.push('/ops/audit/%zz', '/ops/rush/%zz', '/ops/rush/%zz/events');
    for (const path of bad) expectStatus(await ops.call('GET', path), 400);
    expectStatus(await system.api.request('POST', '/auth/demo-token', { body: { userId: 0 } }), 400);
    expectStatus(await system.api.request('POST', '/auth/demo-token', { raw: 'x'.repeat(70_000) }), 413);
    const text = { raw: 'a', headers: { 'content-type': 'text/plain' } };
    expectStatus(await system.api.request('POST', '/auth/demo-token', text), 415);
  });

  it('when a request is too large or comes too often, then 414, 429 and 431 are as documented', async () => {
    const gateway = await system.start('gateway', 2, { RATE_LIMIT_ADDRESS: '1/1000' });
    const limited = new Api(gateway.url, undefined, contract);
    await limited.request('GET', '/');
    for (const operation of contract.operations) {
      const { method } = operation;
      const path = pathOf(operation);
      const body = method === 'GET' ? {} : { body: {} };
      expectStatus(await ops.call(method, path, { ...body, headers: { 'x-much': 'x'.repeat(17_000) } }), 431);
      if ('414' in operation.responses)
        expectStatus(await ops.call(method, `${path}?x=${'x'.repeat(9_000)}`, body), 414);
      if ('429' in operation.responses) {
        const { authorization = '' } = ops;
        expectStatus(await limited.request(method, path, { ...body, headers: { authorization } }), 429);
      }
    }
  });

  it('when something does not exist, then 404 is as documented', async () => {
    for (const operation of contract.operations.filter(({ path }) => path.includes('{id}'))) {
      const body = operation.method === 'GET' ? {} : { body: bodyFor(operation) };
      expectStatus(await ops.call(operation.method, pathOf(operation), body), 404);
    }
    expectStatus(await post(user, '/orders', order(987_654_321), wait), 404);
    const couponId = randomUUID();
    expectStatus(await post(user, '/orders', order(await newProduct(10, 1), 1, { couponId }), wait), 404);
    expectStatus(await post(user, '/coupons/issue', { couponPolicyId: 987_654_321 }), 404);
    expectStatus(await post(ops, '/coupon-policies/987654321/end', { reason: 'a test' }), 404);
  });

  it('when points do not suffice, or are too many, then the refusal is as documented', async () => {
    const poor = await client();
    expectStatus(await post(poor, '/orders', order(await newProduct(10, 1)), wait), 402);
    expectStatus(await post(poor, '/points/charge', { amount: 0 }), 400);
    const charges = Array.from({ length: 101 }, () => {
      const once = key();
      return patiently(() => post(poor, '/points/charge', { amount: 10_000_000 }, once));
    });
    const refused = (await Promise.all(charges)).filter(({ status }) => status === 400);
    expect(refused.map(({ body }) => body.code)).toEqual(['BALANCE_LIMIT_EXCEEDED']);
  });

  it('when an order or a coupon is impossible, then 409 is as documented', async () => {
    const productId = await newProduct(1_000, 3);
    const couponId = await newCoupon(user);
    const conflict = async (more: object, quantity = 1) =>
      expectStatus(await post(user, '/orders', order(productId, quantity, more), wait), 409).body.code;
    expect(await conflict({}, 4)).toBe('OUT_OF_STOCK');
    const withdrawn = await newProduct(1_000, 3);
    expectStatus(await ops.call('PATCH', `/products/${withdrawn}`, { body: { onSale: false }, headers: key() }), 200);
    expect(expectStatus(await user.call('GET', `/products/${withdrawn}`), 200).body).toMatchObject({ onSale: false });
    const late = await post(user, '/orders', order(withdrawn), wait);
    expect(expectStatus(late, 409).body.code).toBe('PRODUCT_WITHDRAWN');
    const many = order(await newProduct(1_000, 30), 21);
    expect(expectStatus(await post(user, '/orders', many, wait), 409).body.code).toBe('QUANTITY_ABOVE_LIMIT');
    const taking = { body: { takeBack: 4 }, headers: key() };
    const taken = expectStatus(await ops.call('PATCH', `/products/${productId}`, taking), 409);
    expect(taken.body).toMatchObject({ code: 'NOT_ENOUGH_AVAILABLE' });
    expect(await conflict({ expectedTotal: 999 })).toBe('PRICE_CHANGED');
    expectStatus(await post(user, '/orders', order(productId, 1, { couponId }), wait), 201);
    expect(await conflict({ couponId })).toBe('COUPON_ALREADY_USED');
    const stale = await newCoupon(user);
    const sql = await connectRoot(system.stack);
    await sql.execute("UPDATE shop_coupon.coupons SET expires_at = '2020-01-01' WHERE coupon_id = ?", [stale]);
    await sql.close();
    expect(await conflict({ couponId: stale })).toBe('COUPON_EXPIRED');

    const revoked = expectStatus(await post(user, '/coupons/issue', { couponPolicyId: await newPolicy() }), 200).body;
    const end = `/coupon-policies/${revoked.couponPolicyId}/end`;
    expectStatus(await post(ops, end, { reason: 'a test', revoke: true }), 200);
    await eventuallyPasses('the revocation', async () => {
      const own = expectStatus(await user.call('GET', '/coupons?status=REVOKED'), 200).body.items;
      expect(own).toContainEqual(expect.objectContaining({ couponId: revoked.couponId }));
    });
    expect(await conflict({ couponId: revoked.couponId })).toBe('COUPON_REVOKED');

    const last = await newPolicy({ totalQuantity: 1 });
    expectStatus(await post(ops, '/coupons/issue', { couponPolicyId: last }), 200);
    const none = expectStatus(await post(user, '/coupons/issue', { couponPolicyId: last }), 409);
    expect(none.body.code).toBe('COUPON_SOLD_OUT');
    const closed = await newPolicy({ startsAt: '2090-01-01T00:00:00Z' });
    expectStatus(await post(user, '/coupons/issue', { couponPolicyId: closed }), 409);
  });

  it('when a key belongs to another request, or to one still in progress, then the refusal is as documented', async () => {
    const productId = await newProduct(10, 100);
    const placed = await post(user, '/orders', order(productId), wait);
    const cancel = `/orders/${expectStatus(placed, 201).body.orderId}/cancel`;
    const policy = policyBody({ name: 'k' });
    const calls: readonly [Client, string, string, string, object, object][] = [
      [user, 'POST', '/points/charge', 'shop_payment', { amount: 1 }, { amount: 2 }],
      [user, 'POST', '/orders', 'shop_order', order(productId), order(productId, 2)],
      [user, 'POST', cancel, 'shop_order', {}, {}],
      [
        ops,
        'POST',
        '/products',
        'shop_catalog',
        { name: 'a', price: 1, stockQuantity: 1 },
        { name: 'b', price: 1, stockQuantity: 1 },
      ],
      [ops, 'PATCH', `/products/${productId}`, 'shop_catalog', { restock: 1 }, { restock: 2 }],
      [ops, 'POST', '/coupon-policies', 'shop_coupon', policy, { ...policy, name: 'l' }],
    ];
    for (const [who, method, path, , first, second] of calls) {
      const headers = key();
      await who.call(method, path, { body: first, headers });
      if (path === cancel) continue;
      expectStatus(await who.call(method, path, { body: second, headers }), 422);
    }
    // A transaction that holds the keys without ending stands for a request in progress.
    const sql = await connectRoot(system.stack);
    try {
      await sql.execute('START TRANSACTION');
      const asked = [];
      for (const [who, method, path, schema, body] of calls) {
        const held = randomUUID();
        const owner = who === ops && path !== '/orders' ? 0 : who.userId;
        await sql.execute(
          `INSERT INTO ${schema}.idempotency_key (user_id, scope, idem_key, request_hash, request_id, created_at) VALUES (?, ?, ?, ?, ?, NOW(3))`,
          [owner, `${method} ${path}`, held, 'x'.repeat(64), randomUUID()],
        );
        asked.push(who.call(method, path, { body, headers: { 'idempotency-key': held } }));
      }
      expect((await Promise.all(asked)).map(({ body }) => body.code)).toEqual(calls.map(() => 'IDEMPOTENCY_IN_FLIGHT'));
    } finally {
      await sql.execute('ROLLBACK');
      await sql.close();
    }
  });
});

describe('operations while services are away', () => {
  it('when payment is away, then waiting orders end as documented', async () => {
    const productId = await newProduct(10, 100);
    await system.process('payment').stop();
    const late = post(user, '/orders', order(productId), wait);
    const dropped = post(user, '/orders', order(productId), wait);
    const pending = await eventually('both orders', async () => {
      const { body } = await user.call('GET', '/orders?status=PENDING');
      const [one, two] = body.items as { orderId: string }[];
      return two && one;
    });
    expectStatus(await post(user, `/orders/${pending.orderId}/cancel`, {}), 202);
    const codes = (await Promise.all([late, dropped])).map(({ body }) => body.code);
    expect(codes.toSorted()).toEqual(['ORDER_CANCELLED', 'ORDER_DEADLINE_EXCEEDED']);
  });

  it('when no service is there, then every operation says so as documented', async () => {
    await Promise.all(
      ([...SERVICE_NAMES.filter((name) => name !== 'payment'), 'ops-console'] as const).map((name) =>
        system.process(name).stop(),
      ),
    );
    for (const operation of contract.operations.filter(isOfService)) {
      const body = operation.method === 'GET' ? {} : { body: bodyFor(operation) };
      // A query never used before, so there is no last good answer.
      const path = operation.path.includes('{id}') ? pathOf(operation) : `${operation.path}?limit=77`;
      expectStatus(await ops.call(operation.method, path, body), 503);
    }
    await Promise.all(([...SERVICE_NAMES, 'ops-console'] as const).map((name) => system.start(name)));
  });
});

it('when all tests are done, then every documented answer has been seen', () => {
  const never = [
    // A bug; a client that takes half a minute to send its request.
    / INTERNAL_ERROR$| REQUEST_TIMEOUT$/,
    // Paths that do not belong to the operation; a gateway without the demo, or without a console for operators.
    /^(?!getCouponRequest|getAudit|getRush|followRush)\w+ 404 NOT_FOUND$/,
    // These take no input except their path.
    /^(getStatus|welcome|getOpenApi|getKeys|isAlive|isReady|getMetrics) 400 /,
    // An `Expect` that fetch does not send: hostile-input.test.ts does.
    / 417 EXPECTATION_FAILED$/,
    // Five hundred orders that wait for one product.
    /^placeOrder 409 TOO_MANY_WAITING$/,
    // A stopping gateway, or an extremely overloaded one.
    /^isReady 503|^(welcome|getOpenApi|getKeys|issueDemoToken) 503 /,
  ];
  const unseen = contract.documented.filter((answer) => !contract.seen.has(answer));
  expect(unseen.filter((answer) => !never.some((reason) => reason.test(answer)))).toEqual([]);
});

/** A valid body for the operation. */
function bodyFor({ operationId }: DocumentedOperation): object {
  const bodies: Record<string, object> = {
    placeOrder: order(1),
    issueCoupon: { couponPolicyId: 1 },
    chargePoints: { amount: 1 },
    createProduct: { name: 'a', price: 1, stockQuantity: 1 },
    changeProduct: { restock: 1 },
    startRush: { buyers: 1 },
    createCouponPolicy: policyBody({ name: 'a' }),
    endCouponPolicy: { reason: 'a' },
  };
  return bodies[operationId] ?? {};
}
