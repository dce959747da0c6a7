import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ANYBODY, createCallerSigner, createCallerVerifier } from '@shop/chassis';
import { deadAddress, type FakeService, fakeService, INTERNAL_KEYS, startGateway } from './testing.ts';

type Gateway = Awaited<ReturnType<typeof startGateway>>;
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function service(...args: Parameters<typeof fakeService>): Promise<FakeService> {
  const started = await fakeService(...args);
  open.push(started);
  return started;
}

async function gateway(...args: Parameters<typeof startGateway>): Promise<Gateway> {
  const started = await startGateway(...args);
  open.push(started);
  return started;
}

const json = (status: number, body: unknown) => (_request: unknown, response: import('node:http').ServerResponse) => {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};

const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json', ...headers } });

describe('forwarded requests', () => {
  it('when a request is for a service, then method, path, query, headers and body arrive, and the answer comes back', async () => {
    const order = await service((_request, response) => {
      response
        .writeHead(202, { Location: '/orders/1', 'X-Own': 'yes', 'Set-Cookie': ['a=1', 'b=2'] })
        .end('{"ok":true}');
    });
    const { url } = await gateway([order.url]);
    const answer = await post(`${url}/orders?userId=7&x=%2F`, '{"a":1}', { 'Idempotency-Key': 'k', Prefer: 'wait=3' });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe('/orders/1');
    expect(answer.headers.get('x-own')).toBe('yes');
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await answer.json()).toEqual({ ok: true });
    expect(order.requests[0]?.body).toBe('{"a":1}');
    expect(order.requests[0]?.request).toMatchObject({ method: 'POST', url: '/orders?userId=7&x=%2F' });
    expect(order.requests[0]?.request.headers).toMatchObject({ 'idempotency-key': 'k', prefer: 'wait=3' });
  });

  it('when a service answers with a problem, then the problem is passed unchanged', async () => {
    const problem = { code: 'OUT_OF_STOCK', status: 409 };
    const order = await service((_request, response) => {
      response.writeHead(409, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    const { url } = await gateway([order.url]);
    const answer = await fetch(`${url}/orders/1`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([409, 'application/problem+json']);
    expect(await answer.json()).toEqual(problem);
  });

  it('when a client names a trace, then the service gets a new one, as without', async () => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    const traceId = 'a'.repeat(32);
    await fetch(`${url}/orders/1`, { headers: { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` } });
    await fetch(`${url}/orders/1`);
    const [first, second] = order.requests.map(({ request }) => request.headers.traceparent);
    // Whether it is recorded is decided here, and nothing is: no collector is named.
    for (const header of [first, second]) expect(header).toMatch(/^00-(?!a{32})[0-9a-f]{32}-(?!b{16})[0-9a-f]{16}-00$/);
  });

  it('when headers concern one connection only, or claim to identify the client, then they are not passed', async () => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    const { port } = new URL(url);
    await rawRequest(Number(port), [
      'GET /orders/1 HTTP/1.1',
      'Host: shop.example',
      'Connection: keep-alive, X-Hop',
      'Keep-Alive: timeout=5',
      'X-Hop: 1',
      'TE: trailers',
      'X-Forwarded-For: 10.0.0.1',
      'X-Forwarded-Proto: https',
      'Forwarded: for=10.0.0.1',
      '',
      '',
    ]);
    const headers = order.requests[0]?.request.headers;
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop.example',
      host: new URL(order.url).host,
    });
    for (const name of ['x-hop', 'te', 'forwarded', 'keep-alive']) expect(headers).not.toHaveProperty(name);
  });

  it('when a request is forwarded, then the service is told its caller, signed by the gateway', async () => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    const forged = createCallerSigner(INTERNAL_KEYS)({ user: 7, scopes: ['ops'] }, 'GET', '/orders/1?userId=7');
    await fetch(`${url}/orders/1?userId=7`, { headers: { 'X-Shop-Caller': forged, Authorization: 'Bearer a' } });
    const headers = order.requests[0]?.request.headers ?? {};
    const verify = createCallerVerifier(INTERNAL_KEYS);
    expect(verify(headers['x-shop-caller'], 'GET', '/orders/1?userId=7')).toEqual(ANYBODY);
    expect(headers).not.toHaveProperty('authorization');
  });

  it('when an answer is a stream, then each piece is passed as it comes', async () => {
    let finish = () => {};
    const order = await service((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      setTimeout(() => response.write('data: 1\n\n'), 20);
      finish = () => response.end('data: 2\n\n');
    });
    const { url } = await gateway([order.url]);
    const answer = await fetch(`${url}/orders/1`);
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 1\n\n');
    finish();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: 2\n\n');
    expect((await reader?.read())?.done).toBe(true);
  });

  it('when an answer is large and the client slow, then all of it arrives', async () => {
    const large = Buffer.alloc(5_000_000, 'x');
    const order = await service((_request, response) => response.end(large));
    const { url } = await gateway([order.url]);
    const answer = await fetch(`${url}/orders/1`);
    await sleep(50);
    expect(Buffer.from(await answer.arrayBuffer()).equals(large)).toBe(true);
  });

  it.each([204, 304])('when an answer has no body (%i), then it ends', async (status) => {
    const order = await service((_request, response) => response.writeHead(status).end());
    const { url } = await gateway([order.url]);
    expect((await fetch(`${url}/orders/1`)).status).toBe(status);
  });

  it('when only the head is asked for, then the length is that of the omitted body', async () => {
    const order = await service((_request, response) => response.writeHead(200, { 'Content-Length': '11' }).end());
    const { url } = await gateway([order.url]);
    const answer = await fetch(`${url}/orders/1`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, '11']);
  });
});

describe('requests that are not forwarded', () => {
  it.each([
    '/',
    '/ordersx',
    '/order',
    '/orders/',
    '/orders/1/anything',
    '/%6frders',
    '/__proto__',
    '/internal/reconcile',
    '/orders/../internal/reconcile',
  ])('when a path belongs to no service (%s), then no service is asked', async (path) => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    const answer = await rawRequest(Number(new URL(url).port), [`GET ${path} HTTP/1.1`, 'Host: shop.example', '', '']);
    expect(order.requests).toEqual([]);
    if (path === '/') expect(answer).toContain('"orders":"/orders"');
    else expect(answer).toMatch(/^HTTP\/1.1 404 [\s\S]*"code":"NOT_FOUND"[\s\S]*"traceId":"/);
  });

  it('when there is no console for operators, then its paths do not exist', async () => {
    const { url } = await gateway([await deadAddress()]);
    for (const path of ['/ops/status', '/ops/rush/1/events', '/ops'])
      expect((await fetch(url + path)).status).toBe(404);
  });

  it('when a path is known and the method is not, then 405 names the methods, and no service is asked', async () => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    const answer = await fetch(`${url}/orders?x=/`, { method: 'DELETE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
    expect(await answer.json()).toMatchObject({ code: 'METHOD_NOT_ALLOWED', status: 405, traceId: expect.any(String) });
    expect(order.requests).toEqual([]);
  });

  it.each([
    ['with its length', false],
    ['in chunks', true],
  ])('when a body is too large (%s), then it is refused and nothing is forwarded', async (_how, chunked) => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    const bytes = Buffer.alloc(1_000_000, 'x');
    const body = chunked ? new Blob([bytes]).stream() : bytes;
    const answer = await fetch(`${url}/orders`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(order.requests).toEqual([]);
  });

  it('when a body is exactly at the limit, then it is forwarded', async () => {
    const order = await service(json(200, {}));
    const { url } = await gateway([order.url]);
    expect((await post(`${url}/orders`, 'x'.repeat(65_536))).status).toBe(200);
    expect((await post(`${url}/orders`, 'x'.repeat(65_537))).status).toBe(413);
    expect(order.requests.map(({ body }) => body.length)).toEqual([65_536]);
  });
});

describe('requests while services are away', () => {
  it('when no instance can be reached, then 503 says when to return', async () => {
    const { url } = await gateway([await deadAddress(), await deadAddress()]);
    const answer = await post(`${url}/orders`, '{}');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'SERVICE_UNAVAILABLE', traceId: expect.any(String) });
    expect((await fetch(`${url}/products`)).status).toBe(503);
  });

  it('when one of two instances cannot be reached, then the other gets every request, each once', async () => {
    const order = await service(json(201, {}));
    const { url } = await gateway([await deadAddress(), order.url]);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(`${url}/orders`, `{"n":${i}}`)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(order.requests.map(({ body }) => body).sort()).toEqual(answers.map((_, i) => `{"n":${i}}`).sort());
  });

  it('when both instances are there, then they take turns', async () => {
    const [one, two] = [await service(json(200, {})), await service(json(200, {}))];
    const { url } = await gateway([one.url, two.url]);
    for (let i = 0; i < 10; i++) await fetch(`${url}/orders/1`);
    expect([one.requests.length, two.requests.length]).toEqual([5, 5]);
  });

  it('when an instance comes back, then it gets requests again', async () => {
    const address = await deadAddress();
    const { url } = await gateway([address]);
    expect((await fetch(`${url}/orders/1`)).status).toBe(503);
    await service(json(200, {}), Number(new URL(address).port));
    expect((await fetch(`${url}/orders/1`)).status).toBe(200);
  });

  it('when an instance breaks off a request that it has received, then no other gets it', async () => {
    const dying = await service((request) => request.socket.destroy());
    const other = await service(json(200, {}));
    const { url } = await gateway([dying.url, other.url]);
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await post(`${url}/orders`, `{"n":${i}}`)).status);
    // The failed instance is tried last from then on.
    expect(statuses.sort()).toEqual([200, 200, 200, 503]);
    const received = [...dying.requests, ...other.requests].filter(({ request }) => request.method === 'POST');
    expect(received.map(({ body }) => body).sort()).toEqual(['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}']);
  });

  it('when a service does not answer in time, then 503', async () => {
    const order = await service(() => undefined);
    const { url } = await gateway([order.url], { timeoutMs: 200 });
    const answer = await fetch(`${url}/orders/1`);
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  it('when an answer breaks off in the middle, then so does the connection to the client', async () => {
    const order = await service((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('half');
      setTimeout(() => response.destroy(), 20);
    });
    const { url } = await gateway([order.url]);
    await expect(fetch(`${url}/orders/1`).then((answer) => answer.text())).rejects.toThrow();
  });

  it("when too many requests are under way at one service, then further ones are refused, and other services' are not", async () => {
    const answers: (() => void)[] = [];
    const order = await service((_request, response) => void answers.push(() => response.end('{}')));
    const { url } = await gateway([order.url], { maxInFlight: 2 });
    const first = [fetch(`${url}/orders/1`), fetch(`${url}/orders/2`)];
    while (answers.length < 2) await sleep(5);
    expect((await fetch(`${url}/orders/3`)).status).toBe(503);
    for (const answer of answers.splice(0)) answer();
    expect((await Promise.all(first)).map((answer) => answer.status)).toEqual([200, 200]);
    const next = fetch(`${url}/orders/4`);
    while (answers.length < 1) await sleep(5);
    answers[0]?.();
    expect((await next).status).toBe(200);
  });
});

describe('clients that leave', () => {
  it('when a client leaves before the answer, then the request to the service is aborted', async () => {
    let gone: () => void = () => undefined;
    const broken = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const order = await service((_request, response) => void response.on('close', gone));
    const { url, upstreams } = await gateway([order.url]);
    const abort = new AbortController();
    const answer = fetch(`${url}/orders/1`, { signal: abort.signal }).catch(() => 'aborted');
    while (order.requests.length === 0) await sleep(5);
    expect(upstreams.order.inFlight).toBe(1);
    abort.abort();
    await broken;
    expect(await answer).toBe('aborted');
    expect(upstreams.order.inFlight).toBe(0);
  });
});

it('when requests were forwarded, then they are measured by route, and the gateway reports that it is well', async () => {
  const order = await service(json(200, {}));
  const { url, metrics } = await gateway([order.url]);
  await fetch(`${url}/orders/1`);
  await fetch(`${url}/orders/2?x=1`);
  expect(await metrics.render()).toContain(
    'http_request_duration_seconds_count{method="GET",route="/orders/:id",status="200"} 2',
  );
  expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ status: 'ok' });
});

/** Sends raw lines, which fetch could not. */
function rawRequest(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(lines.join('\r\n')));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString());
    });
    socket.once('error', reject);
  });
}
