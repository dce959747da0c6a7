import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signedCalls } from '../../ops/src/signed-call.ts';
import type { AuditState } from '../../ops-console/audit/audits.ts';
import type { RushState } from '../../ops-console/rush/rushes.ts';
import { type Answer, Api, expectStatus, type Problem, patiently } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { expectOps } from '../support/ops.ts';
import { PATIENT } from '../support/patient.ts';
import { type System, startSystem } from '../support/system.ts';

const DEMO_USERS = 200;
/** Time limit for the end of a rush: the burst, the rest of the shop and the audit, ms. */
const WITHIN_MS = 55_000;

let system: System;
/** The API with an operator's token. */
let ops: Api;

beforeAll(async () => {
  system = await startSystem({ auth: 'on', env: PATIENT });
  await system.start('ops-console');
  ops = await signIn(1, 'ops');
  const users = Array.from({ length: DEMO_USERS }, (_, index) => index + 1);
  await Promise.all(
    users.map(async (userId) => {
      const user = await signIn(userId);
      const key = randomUUID();
      expectStatus(await patiently(() => user.charge(userId, 1_000_000, key)), 200);
    }),
  );
}, 120_000);

afterAll(() => system?.stop(), 30_000);

const post = <Body>(path: string, body: object): Promise<Answer<Body>> => ops.request('POST', path, { body });
const look = <Body>(path: string): Promise<Answer<Body>> => ops.request('GET', path);

/** The API with a user's token. */
async function signIn(userId: number, scope?: 'ops'): Promise<Api> {
  const { baseUrl, contract } = system.api;
  const body = { userId, ...(scope && { scope }) };
  const answer = await system.api.request<{ token: string }>('POST', '/auth/demo-token', { body });
  const { token } = expectStatus(answer, 200).body;
  return new Api(baseUrl, () => ({ authorization: `Bearer ${token}` }), contract);
}

/** The states that a rush reports, to its end or until there are this many. */
async function follow(
  rushId: string,
  { most = Number.POSITIVE_INFINITY, after = -1, reading = () => {} } = {},
): Promise<RushState[]> {
  const answer = await fetch(`${system.api.baseUrl}/ops/rush/${rushId}/events`, {
    headers: { ...ops.headersFor('GET', ''), ...(after < 0 ? {} : { 'last-event-id': String(after) }) },
    signal: AbortSignal.timeout(WITHIN_MS),
  });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  reading();
  const states: RushState[] = [];
  let text = '';
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data) states.push(JSON.parse(data) as RushState);
    }
    if (states.length >= most) break;
  }
  return states;
}

describe('a rush', () => {
  it('when 200 want 50 coupons and 50 pieces, then exactly 50 get each, the others are refused, and the audit is clean', async () => {
    const begun = expectStatus(await post<RushState>('/ops/rush', { buyers: 200 }), 202);
    expect(begun.headers.get('location')).toBe(`/ops/rush/${begun.body.rushId}`);
    expect(begun.body).toMatchObject({ phase: 'BUYING', done: false, buyers: 200, ended: 0 });

    const states = await follow(begun.body.rushId);
    const end = states.at(-1);
    expect(end).toMatchObject({
      phase: 'DONE',
      done: true,
      ended: 200,
      coupons: { issued: 50, alreadyOwn: 0, soldOut: 150, failed: 0 },
      orders: { completed: 50, refused: { OUT_OF_STOCK: 150 }, failed: 0, pending: 0 },
      failures: {},
      audit: { clean: true, violations: [] },
    });
    expect(end?.audit?.orders).toBe(200);
    expect(end?.ordersPerSecond).toBeGreaterThan(0);
    expect(states.map((state) => state.phase).filter((phase, index, all) => phase !== all[index - 1])).toEqual([
      'BUYING',
      'AUDITING',
      'DONE',
    ]);
    // Checked against the shop too, not only by the console's report.
    expect(await ops.stock(begun.body.productId)).toBe(0);
    const policies = await look<{ items: { couponPolicyId: number; remaining: number }[] }>('/coupon-policies');
    const policy = policies.body.items.find((each) => each.couponPolicyId === begun.body.couponPolicyId);
    expect(policy?.remaining).toBe(0);
    await expectCleanAudit(system);

    expect((await look(`/ops/rush/${begun.body.rushId}`)).body).toEqual(end);
    // A returning client misses nothing and gets nothing twice.
    expect(await follow(begun.body.rushId, { after: states.length - 3 })).toEqual(states.slice(-2));
  });

  it('when a rush is running, then a second is 409 and names it; after its end there may be another', async () => {
    const productId = await ops.newProduct(10, 1_000);
    const both = await Promise.all([1, 2].map(() => post<RushState & Problem>('/ops/rush', { productId, buyers: 20 })));
    const [first, second] = both.sort((a, b) => a.status - b.status);
    expect([first?.status, second?.status]).toEqual([202, 409]);
    expect(second?.body).toMatchObject({ code: 'RUSH_RUNNING', rushId: first?.body.rushId });
    const end = (await follow(first?.body.rushId ?? '')).at(-1);
    expect(end).toMatchObject({ orders: { completed: 20 }, productId, audit: { clean: true } });

    const again = expectStatus(await post<RushState>('/ops/rush', { productId, buyers: 20, quantity: 2 }), 202);
    expect((await follow(again.body.rushId)).at(-1)).toMatchObject({ quantity: 2, orders: { completed: 20 } });
    expect(await ops.stock(productId)).toBe(940);
  });

  it.each<[string, object, number, string]>([
    ['of nobody', { buyers: 0 }, 400, 'VALIDATION_FAILED'],
    ['of too many', { buyers: 2_001 }, 400, 'VALIDATION_FAILED'],
    ['of more than can pay', { buyers: DEMO_USERS + 1 }, 400, 'VALIDATION_FAILED'],
    ['for a product that is not there', { buyers: 1, productId: 999_999 }, 404, 'PRODUCT_NOT_FOUND'],
    ['for a policy that is not there', { buyers: 1, couponPolicyId: 999_999 }, 404, 'COUPON_POLICY_NOT_FOUND'],
    ['with a field that nobody knows', { buyers: 1, concurrency: 9_999 }, 400, 'VALIDATION_FAILED'],
  ])('when a rush is %s, then it is refused and none is running', async (_, body, status, code) => {
    expect(expectStatus(await post<Problem>('/ops/rush', body), status).body.code).toBe(code);
    // A further request is not blocked.
    expect((await post<Problem>('/ops/rush', { buyers: 0 })).body.code).toBe('VALIDATION_FAILED');
  });

  it('when the order service is killed during a rush, then every order is counted as it ended', async () => {
    const productId = await ops.newProduct(10, 50);
    const { body } = expectStatus(await post<RushState>('/ops/rush', { productId, buyers: 120 }), 202);
    const followed = follow(body.rushId);
    await eventually('some orders to be on their way', async () => {
      const { orders } = (await look<RushState>(`/ops/rush/${body.rushId}`)).body;
      return orders.pending + orders.completed > 0;
    });
    await system.process('order').kill9();
    await system.start('order');
    expect((await followed).at(-1)).toMatchObject({
      phase: 'DONE',
      orders: { completed: 50, failed: 0, pending: 0 },
      audit: { clean: true },
    });
  });

  it('when the console is killed during a rush, then all other routes answer, its work ends, and it restarts without it', async () => {
    const productId = await ops.newProduct(10, 1_000);
    const { body } = expectStatus(await post<RushState>('/ops/rush', { productId, buyers: 200 }), 202);
    await eventually('some orders to be complete', async () => {
      const state = (await look<RushState>(`/ops/rush/${body.rushId}`)).body;
      expect(state.done).toBe(false);
      return state.orders.completed > 0;
    });
    await system.process('ops-console').kill9();

    expect(expectStatus(await look<Problem>('/ops/status'), 503).body.code).toBe('SERVICE_UNAVAILABLE');
    expectStatus(await ops.placeOrder(1, [[productId, 1]], { wait: 20 }), 201);
    for (const path of ['/products', '/coupon-policies', '/points?userId=1', '/products/popular'])
      expectStatus(await look(path), 200);
    await expectCleanAudit(system);

    await system.start('ops-console');
    expectStatus(await look(`/ops/rush/${body.rushId}`), 404);
    const again = expectStatus(await post<RushState>('/ops/rush', { productId, buyers: 10 }), 202);
    expect((await follow(again.body.rushId)).at(-1)).toMatchObject({
      orders: { completed: 10 },
      audit: { clean: true },
    });
  });

  it('when the console is asked to stop during a rush, then it does so at once and tells its readers', async () => {
    const productId = await ops.newProduct(10, 1_000);
    const { body } = expectStatus(await post<RushState>('/ops/rush', { productId, buyers: 200 }), 202);
    const reads = Promise.withResolvers<void>();
    const followed = follow(body.rushId, { reading: reads.resolve });
    await Promise.race([reads.promise, followed]);
    const [states] = await Promise.all([followed, system.process('ops-console').stop()]);
    expect(states.at(-1)).toMatchObject({ phase: 'FAILED', done: true, error: expect.any(String) });
    await system.start('ops-console');
    await expectCleanAudit(system);
  });
});

describe('an audit', () => {
  it('when an audit is requested, then its verdict can be read, and meanwhile a second is 409', async () => {
    const since = system.startedAt.toISOString();
    const begun = expectStatus(await post<AuditState>('/ops/audit', { since }), 202);
    expect(begun.body).toMatchObject({ state: 'RUNNING', since });
    const second = expectStatus(await post<Problem>('/ops/audit', {}), 409);
    expect(second.body).toMatchObject({ code: 'AUDIT_RUNNING', auditId: begun.body.auditId });
    const path = begun.headers.get('location') ?? '';
    const done = await eventually('the verdict', async () => {
      const { body } = await look<AuditState>(path);
      return body.state !== 'RUNNING' && body;
    });
    expect(done).toMatchObject({ state: 'DONE', verdict: { clean: true, violations: [] } });
    expect(done.verdict?.orders).toBeGreaterThan(0);
  });

  it.each([
    '2020-01-01T00:00:00Z',
    '2045-01-01T00:00:00Z',
    '45',
    '25h',
    '2026-02-30T00:00:00Z',
    new Date().toISOString().slice(0, -1),
    '',
  ])('when an audit would reach back too far, or its moment is none (%s), then it is refused', async (since) => {
    const { body } = expectStatus(await post<Problem>('/ops/audit', { since }), 400);
    expect(body).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: 'since' }] });
  });

  it('when the body of an audit is no object, then it is refused', async () => {
    for (const body of [null, [], '15m', 7])
      expect(expectStatus(await post<Problem>('/ops/audit', body as object), 400).body.code).toBe('VALIDATION_FAILED');
  });

  it('when the command line audits from now on, then it says that there was nothing to check', async () => {
    const { stdout, stderr } = await expectOps(system.stack, ['audit', '--since', '0s', '--grace', '0']);
    expect(stdout).toMatch(/none +4 /);
    expect(stdout).not.toContain('every invariant holds');
    expect(`${stdout}${stderr}`).toMatch(/nothing to check|Nothing was checked/i);
  });

  it('when the command line gets a moment that is none, then it ends with 2', async () => {
    const { stdout, stderr } = await expectOps(system.stack, ['audit', '--since', '45'], 2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/option .* is invalid/);
  });
});

describe('users who are no operators', () => {
  it.each([
    ['GET', '/ops/status'],
    ['POST', '/ops/audit'],
    ['GET', '/ops/audit/0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10'],
    ['POST', '/ops/rush'],
    ['GET', '/ops/rush/0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10'],
    ['GET', '/ops/rush/0195f3a2-7c1b-7a35-9d7e-3f4b8a6c2d10/events'],
  ])('when a user asks for %s %s, then it is 401 without a token and 403 with a user’s', async (method, path) => {
    const wish = method === 'POST' ? { body: { buyers: 1 } } : {};
    expect(expectStatus(await system.api.request(method, path, wish), 401).body.code).toBe('UNAUTHENTICATED');
    expect(expectStatus(await (await signIn(2)).request(method, path, wish), 403).body.code).toBe('FORBIDDEN');
  });
});

it('when the console is called past the gateway, then it still requires signature and scope', async () => {
  const url = `${system.process('ops-console').url}/ops/status`;
  const sign = signedCalls(system.stack.env.INTERNAL_KEYS);
  const byUser = sign('GET', '/ops/status', { user: 2, scopes: [] });
  const answers = await Promise.all([fetch(url), fetch(url, { headers: byUser })]);
  expect(answers.map((answer) => answer.status)).toEqual([401, 403]);
});

it('when the status is asked for, then it equals that of the command line', async () => {
  const { body } = expectStatus(await look('/ops/status'), 200);
  expect(body).toMatchObject({ problems: [], unreachable: [], orders: expect.any(Object) });
});
