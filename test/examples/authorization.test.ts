import '../support/with-examples.ts';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Caller, createCallerSigner, parseInternalKeys } from '@shop/chassis';
import { readAddresses } from '../../ops/src/addresses.ts';
import { type AuditSession, openAudit } from '../../ops/src/audit/index.ts';
import { type Claims, readDemoKey, signDemoToken } from '../../ops/src/demo/tokens.ts';
import { Api, expectStatus, type HeadersFor, nextUserId } from '../support/api.ts';
import { contents } from '../support/contents.ts';
import { eventually } from '../support/eventually.ts';
import { type System, startSystem } from '../support/system.ts';
import { documentedOperations, type Example, exampleOf, type Owned } from './operations.ts';

/** A shop in which a user owns one of everything, and another user and operators do not. */
interface World {
  readonly owner: number;
  readonly other: number;
  readonly owned: Owned;
  /** Tokens: the owner's, the other user's, and an operator's (the other user or a third). */
  readonly tokens: Readonly<Record<'owner' | 'other' | 'otherOperator', string>>;
  /** Headers without a valid token, by their fault. */
  readonly bad: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

let system: System;
let session: AuditSession;
let world: World;
let before: Record<string, string>;
const operations = documentedOperations();
const guarded = () => examples().filter(({ operation }) => operation.access !== 'public');
const examples = (): Example[] => operations.map((operation) => exampleOf(operation, world.owned));
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

beforeAll(async () => {
  system = await startSystem({ auth: 'on' });
  await system.start('ops-console');
  session = await openAudit(readAddresses(system.stack.env));
  world = await createWorld();
  await session.waitUntilIdle({ timeoutMs: 60_000 });
  before = await contents(system.stack);
}, 180_000);

afterAll(async () => {
  await session?.close();
  await system?.stop();
}, 60_000);

it('when an operation is added, then there is an example of it to try', () => {
  expect(operations.length).toBeGreaterThan(20);
  expect(examples().length).toBe(operations.length);
});

it('when a token is missing or invalid, then every non-public operation is 401, and nothing has changed', async () => {
  const wrong: string[] = [];
  for (const example of guarded()) {
    for (const [what, headers] of Object.entries(world.bad)) {
      const answer = await send(system.api.baseUrl, example, headers);
      if (answer.status !== 401 || answer.code !== 'UNAUTHENTICATED') wrong.push(`${what}: ${told(example, answer)}`);
      if (!answer.headers.get('www-authenticate')?.startsWith('Bearer ')) wrong.push(`${what}: no challenge`);
    }
  }
  expect(wrong).toEqual([]);
  expect(await contents(system.stack)).toEqual(before);
});

it('when a token lacks the scope, then every operation of operators is 403, and nothing has changed', async () => {
  const wrong: string[] = [];
  const ofOperators = guarded().filter(({ operation }) => operation.access === 'ops');
  expect(ofOperators.length).toBeGreaterThan(2);
  for (const example of ofOperators) {
    const answer = await send(system.api.baseUrl, example, bearer(world.tokens.owner));
    if (answer.status !== 403 || answer.code !== 'FORBIDDEN') wrong.push(told(example, answer));
  }
  expect(wrong).toEqual([]);
  expect(await contents(system.stack)).toEqual(before);
});

it('when a token is of another user, operator or not, then the owner’s things are 404 or left out, and nothing has changed', async () => {
  const wrong: string[] = [];
  const ofUsers = guarded().filter(({ operation }) => operation.access === 'user');
  for (const token of [world.tokens.other, world.tokens.otherOperator]) {
    for (const example of ofUsers) {
      const { method, template } = example.operation;
      if (!template.includes('{') && method !== 'GET') continue; // Skipped: it creates something new for its caller.
      const answer = await send(system.api.baseUrl, example, bearer(token));
      if (template.includes('{') && answer.status !== 404) wrong.push(told(example, answer));
      if (!template.includes('{') && (answer.status !== 200 || showsOwner(answer.text)))
        wrong.push(told(example, answer));
    }
  }
  expect(wrong).toEqual([]);
  expect(await contents(system.stack)).toEqual(before);
});

it('when a request names a user who is not that of its token, then it is 403, and nothing has changed', async () => {
  const wrong: string[] = [];
  const token = bearer(world.tokens.otherOperator);
  for (const example of guarded().filter(({ operation }) => operation.access === 'user')) {
    const named = [{ ...example, path: `${example.path}?userId=${world.owner}` }];
    if (example.body !== undefined)
      named.push({ ...example, body: { ...(example.body as object), userId: world.owner } });
    for (const each of named) {
      const answer = await send(system.api.baseUrl, each, token);
      if (answer.status !== 403 || answer.code !== 'FORBIDDEN') wrong.push(told(each, answer));
    }
  }
  expect(wrong).toEqual([]);
  expect(await contents(system.stack)).toEqual(before);
});

it('when a service is called past the gateway without its signature, then every operation is 401, and nothing has changed', async () => {
  const wrong: string[] = [];
  const internal = ['coupon', 'ranking'].map((service) => ({ service, path: '/internal/reconcile?execute=true' }));
  for (const { url, example } of [
    ...direct(),
    ...internal.map(({ service, path }) => ({ url: urlOf(service), example: post(path) })),
  ]) {
    for (const [what, headersFor] of Object.entries(forgeries())) {
      const answer = await send(url, example, headersFor(example.operation.method, example.path));
      if (answer.status !== 401 || answer.code !== 'UNAUTHENTICATED') wrong.push(`${what}: ${told(example, answer)}`);
    }
  }
  expect(wrong).toEqual([]);
  expect(await contents(system.stack)).toEqual(before);
});

it('when the gateway itself makes a mistake, then services still refuse unauthorized callers, and nothing has changed', async () => {
  const wrong: string[] = [];
  const call = async (caller: Caller, status: (example: Example) => number | undefined) => {
    for (const { url, example } of direct()) {
      const expected = status(example);
      if (expected === undefined) continue;
      const answer = await send(url, example, signedAs(caller)(example.operation.method, example.path));
      if (answer.status !== expected) wrong.push(`${caller.user}: ${told(example, answer)}`);
    }
  };
  await call({ user: 'nobody', scopes: [] }, ({ operation }) => (operation.access === 'public' ? undefined : 401));
  await call({ user: world.owner, scopes: [] }, ({ operation }) => (operation.access === 'ops' ? 403 : undefined));
  await call({ user: world.other, scopes: ['ops'] }, ({ operation: { access, template } }) =>
    access === 'user' && template.includes('{') ? 404 : undefined,
  );
  expect(wrong).toEqual([]);
  expect(await contents(system.stack)).toEqual(before);
});

it('when the caller is authorized, then every example works, so only the token was refused before', async () => {
  const wrong: string[] = [];
  for (const example of examples()) {
    const { access } = example.operation;
    const token = access === 'public' ? {} : bearer(access === 'ops' ? world.tokens.otherOperator : world.tokens.owner);
    const answer = await send(system.api.baseUrl, example, token);
    if (answer.status < 200 || answer.status > 299) wrong.push(told(example, answer));
  }
  expect(wrong).toEqual([]);
  await session.waitUntilIdle({ timeoutMs: 60_000 });
  expect(await contents(system.stack)).not.toEqual(before);
});

async function createWorld(): Promise<World> {
  const key = await readDemoKey(join(system.stack.dir, 'demo-key.pem'));
  const { privateKey: strange } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const tokenOf = (sub: unknown, claims: Partial<Claims> = {}) => signDemoToken(key, { sub: String(sub), ...claims });
  const [owner, other] = [nextUserId(), nextUserId()];
  const tokens = {
    owner: await tokenOf(owner),
    other: await tokenOf(other),
    otherOperator: await tokenOf(other, { scope: 'ops' }),
  };
  const operator = as(tokens.otherOperator);

  const productId = await operator.newProduct(100, 1_000);
  await operator.newProduct(100, 1_000);
  await operator.newPolicy({ name: 'any', validDays: 1 });
  const policyId = String(await operator.newPolicy({ name: 'to be ended', validDays: 1 }));
  expectStatus(await as(tokens.owner).charge(owner, 100_000), 200);
  // A rush uses demo users.
  expectStatus(await as(await tokenOf(1)).charge(1, 1_000_000), 200);
  const order = expectStatus(await as(tokens.owner).placeOrder(owner, [[productId, 1]], { wait: 10 }), 201).body;
  const asked = await as(tokens.owner).request<{ requestId: string }>('POST', '/coupons/issue', {
    body: { couponPolicyId: 1 },
    headers: { prefer: 'respond-async' },
  });
  const audit = await operator.request<{ auditId: string }>('POST', '/ops/audit');
  const rush = await operator.request<{ rushId: string }>('POST', '/ops/rush', { body: { buyers: 1 } });
  const { rushId } = expectStatus(rush, 202).body;
  await eventually(
    'the rush to end',
    async () => (await operator.request<{ done: boolean; audit?: unknown }>('GET', `/ops/rush/${rushId}`)).body.audit,
    { withinMs: 60_000 },
  );
  const owned = {
    orderId: order.orderId,
    requestId: expectStatus(asked, 202).body.requestId,
    productId: String(productId),
    auditId: expectStatus(audit, 202).body.auditId,
    rushId,
    policyId,
  };

  const unsigned = [{ alg: 'none' }, { sub: String(owner), exp: 9_999_999_999, iss: 'shop-demo', aud: 'shop' }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const now = Math.floor(Date.now() / 1000);
  const bad = {
    'no token': {},
    'an empty header': { authorization: '' },
    garbage: bearer('garbage.of.tokens'),
    'another scheme': { authorization: `Basic ${Buffer.from(`${owner}:`).toString('base64')}` },
    expired: bearer(await tokenOf(owner, { exp: now - 60, scope: 'ops' })),
    'without an end': bearer(await signDemoToken(key, { sub: String(owner), exp: undefined, scope: 'ops' })),
    'of another key': bearer(await signDemoToken(strange, { sub: String(owner), scope: 'ops' })),
    'not signed': bearer(`${unsigned}.`),
    'for another audience': bearer(await tokenOf(owner, { aud: 'bank', scope: 'ops' })),
    'of user 01': bearer(await tokenOf(`0${owner}`, { scope: 'ops' })),
    'of user 1e3': bearer(await tokenOf('1e3', { scope: 'ops' })),
    'a signature of services': signedAs({ user: owner, scopes: ['ops'] })('GET', '/orders'),
  };
  return { owner, other, owned, tokens, bad };
}

function as(token: string): Api {
  return new Api(system.api.baseUrl, () => bearer(token));
}

/** Every operation of the services, with the address of its service. */
function direct(): { url: string; example: Example }[] {
  return examples().flatMap((example) => {
    const { service } = example.operation;
    return service ? [{ url: urlOf(service), example }] : [];
  });
}

function urlOf(service: string): string {
  return service === 'ops'
    ? system.process('ops-console').url
    : (system.stack.env[`${service.toUpperCase()}_URL`] ?? '');
}

function post(path: string): Example {
  const operation = { operationId: path, method: 'POST', template: path, id: undefined, body: undefined } as const;
  return { operation: { ...operation, access: 'ops', service: undefined }, path, body: undefined };
}

function signedAs(caller: Caller, { keys = system.stack.env.INTERNAL_KEYS ?? '', now = Date.now } = {}): HeadersFor {
  const sign = createCallerSigner(parseInternalKeys(keys), now);
  return (method, path) => ({ 'x-shop-caller': sign(caller, method, path) });
}

/** Headers that a service must not believe. */
function forgeries(): Record<string, HeadersFor> {
  const operator: Caller = { user: world.owner, scopes: ['ops'] };
  const [id] = (system.stack.env.INTERNAL_KEYS ?? '').split(':');
  const good = signedAs(operator);
  return {
    unsigned: () => ({}),
    'a token': () => bearer(world.tokens.otherOperator),
    'another secret': signedAs(operator, { keys: `${id}:${'x'.repeat(64)}` }),
    'two minutes ago': signedAs(operator, { now: () => Date.now() - 120_000 }),
    'of another path': (method, path) => good(method, `${path}?x=1`),
    'of another method': (method, path) => good(`${method}S`, path),
    'of another user': (method, path) => ({
      'x-shop-caller': good(method, path)['x-shop-caller']?.replace(`.${world.owner}.`, `.${world.other}.`) ?? '',
    }),
  };
}

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly code: string | undefined;
  readonly text: string;
}

async function send(base: string, example: Example, headers: Readonly<Record<string, string>>): Promise<Sent> {
  const { operation, path, body } = example;
  const answer = await fetch(base + path, {
    method: operation.method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    signal: AbortSignal.timeout(20_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  // A stream stays open as long as its subject is unfinished.
  const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream');
  const text = isStream ? '' : await answer.text();
  if (isStream) await answer.body?.cancel();
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json');
  const code = isProblem ? (JSON.parse(text) as { code: string }).code : undefined;
  return { status: answer.status, headers: answer.headers, code, text };
}

function showsOwner(text: string): boolean {
  const { orderId, requestId } = world.owned;
  return [orderId, requestId, `"userId":${world.owner},`].some((its) => text.includes(its));
}

function told({ operation, path }: Example, { status, text }: Sent): string {
  return `${operation.method} ${path}: ${status} ${text.slice(0, 200)}`;
}
