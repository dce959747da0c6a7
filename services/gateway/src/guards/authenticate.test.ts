import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Caller, createCallerVerifier } from '@shop/chassis';
import { createDemoIssuer, type DemoIssuer } from '../auth/demo.ts';
import { createTokens } from '../auth/tokens.ts';
import { type FakeService, fakeService, INTERNAL_KEYS, startGateway } from '../testing.ts';
import { authenticate } from './authenticate.ts';

let demo: DemoIssuer;
let service: FakeService;
let gateway: Awaited<ReturnType<typeof startGateway>>;
let token: string;

beforeAll(async () => {
  demo = await createDemoIssuer({ issuer: 'us', audience: 'shop' });
  service = await fakeService((_request, response) => response.end('{}'));
  const tokens = createTokens({ keys: demo.keys, issuer: 'us', audience: 'shop' });
  gateway = await startGateway([service.url], { catalogUrls: [service.url], identify: authenticate(tokens), demo });
  token = (await demo.issue(7, undefined)).token;
});
afterAll(async () => {
  await gateway?.close();
  await service?.close();
});
beforeEach(() => void service.requests.splice(0));

function ask(method: string, path: string, authorization?: string): Promise<Response> {
  return fetch(gateway.url + path, { method, headers: authorization === undefined ? {} : { authorization } });
}

/** The callers that the service was told. */
function callers(): (Caller | undefined)[] {
  const verify = createCallerVerifier(INTERNAL_KEYS);
  return service.requests.map(({ request: { headers, method = '', url = '' } }) =>
    verify(headers['x-shop-caller'], method, url),
  );
}

it('when a token is valid, then the service knows its user, whatever the request says', async () => {
  for (let i = 0; i < 2; i++) expect((await ask('GET', '/orders?userId=8', `Bearer ${token}`)).status).toBe(200);
  expect(callers()).toEqual([
    { user: 7, scopes: [] },
    { user: 7, scopes: [] },
  ]);
});

it('when an operation is public, then no token is needed, and none is used', async () => {
  for (const authorization of [undefined, 'Bearer nonsense', `Bearer ${token}`])
    expect((await ask('GET', '/products', authorization)).status).toBe(200);
  expect(callers()).toEqual(Array(3).fill({ user: 'nobody', scopes: [] }));
});

it.each([
  [undefined, 'Bearer realm="shop"'],
  ['', 'Bearer realm="shop", error="invalid_token"'],
  ['Bearer nonsense', 'Bearer realm="shop", error="invalid_token"'],
  ['Basic dXNlcjpwYXNz', 'Bearer realm="shop", error="invalid_token"'],
])(
  'when the token is %p, then 401 tells how to come by one, and no service is asked',
  async (authorization, challenge) => {
    const answer = await ask('GET', '/orders', authorization);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'application/problem+json']);
    expect(answer.headers.get('www-authenticate')).toMatch(challenge);
    expect(await answer.json()).toMatchObject({ code: 'UNAUTHENTICATED', status: 401, traceId: expect.any(String) });
    expect(service.requests).toEqual([]);
  },
);

it('when an operation is for operators, then only a token with scope ops suffices', async () => {
  const operator = (await demo.issue(8, 'ops')).token;
  expect((await ask('POST', '/products')).status).toBe(401);
  const answer = await ask('POST', '/products', `Bearer ${token}`);
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
    403,
    'Bearer realm="shop", error="insufficient_scope", scope="ops"',
  ]);
  expect(await answer.json()).toMatchObject({ code: 'FORBIDDEN' });
  expect(service.requests).toEqual([]);
  expect((await ask('POST', '/products', `Bearer ${operator}`)).status).toBe(200);
  expect(callers()).toEqual([{ user: 8, scopes: ['ops'] }]);
});

it('when there are two Authorization headers, then neither counts', async () => {
  const other = (await demo.issue(8, 'ops')).token;
  const answer = await raw(
    `GET /orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nauthorization: Bearer ${other}\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(service.requests).toEqual([]);
});

it('when more text follows a token, then it makes no header of its own', async () => {
  const answer = await raw(
    `GET /orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\tX-Shop-Caller: 1\r\n\r\n`,
  );
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(service.requests).toEqual([]);
});

it('when a body comes with an invalid token, then the connection continues with the next request', async () => {
  const body = 'x'.repeat(50_000);
  const refused = `POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const answer = await raw(`${refused}GET /products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 401 [\s\S]*HTTP\/1.1 200 /);
});

it('when a demo token is requested, then it is valid, and the request is checked', async () => {
  const post = (body: unknown) =>
    fetch(`${gateway.url}/auth/demo-token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const answer = await post({ userId: 12, scope: 'ops' });
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const { token: given, expiresAt } = (await answer.json()) as { token: string; expiresAt: string };
  expect(Date.parse(expiresAt)).toBeGreaterThan(Date.now() + 3_500_000);
  await ask('GET', '/orders', `Bearer ${given}`);
  expect(callers()).toEqual([{ user: 12, scopes: ['ops'] }]);
  for (const body of [
    {},
    { userId: '12' },
    { userId: 0 },
    { userId: 1.5 },
    { userId: 1, scope: 'root' },
    { userId: 1, x: 1 },
  ])
    expect([body, (await post(body)).status]).toEqual([body, 400]);
});

it('when the public keys are requested, then they hold nothing private', async () => {
  const { keys } = (await (await ask('GET', '/.well-known/jwks.json')).json()) as { keys: Record<string, unknown>[] };
  expect(keys.map((key) => Object.keys(key).sort())).toEqual([['alg', 'e', 'kid', 'kty', 'n', 'use']]);
});

/** Sends raw text and returns the answer until the other side closes or is silent. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => {
      answer += data.toString();
      if (/Connection: keep-alive/i.test(answer) && !text.includes('Connection: close')) socket.end();
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });
}
