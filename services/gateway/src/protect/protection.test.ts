import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createMetrics, DomainError } from '@shop/chassis';
import { eventually } from '@shop/chassis/testing';
import type { Guard } from '../passage.ts';
import { fakeService, startGateway } from '../testing.ts';
import { createShedder, shareToRefuse, smoothed } from './shedding.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function gateway(options: Parameters<typeof startGateway>[1] = {}) {
  const order = await fakeService((_request, response) =>
    response.writeHead(201, { 'Content-Type': 'application/json', Location: '/orders/1' }).end('{}'),
  );
  const started = await startGateway([order.url], options);
  open.push(order, started);
  return { ...started, order };
}

describe('security headers', () => {
  it.each([
    ['an answer of a service', '/orders/1', 201],
    ['a service that is away', '/points', 503],
    ['a method that is not allowed', '/coupons/issue', 405],
  ])('when the answer is %s, then a browser runs no part of it', async (_case, path, status) => {
    const { url } = await gateway();
    const { headers, ...answer } = await fetch(url + path).then((it) => ({ status: it.status, headers: it.headers }));
    expect(answer.status).toBe(status);
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('strict-transport-security')).toContain('max-age=');
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it.each(['/', '/docs', '/shop/', '/nothing'])(
    'when a page (%s) is opened, then it takes what is here and nothing inline',
    async (path) => {
      const { url } = await gateway();
      const policy = (await fetch(url + path)).headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none';script-src 'self';style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
    },
  );
});

describe('pages of other origins', () => {
  const preflight = (url: string, origin: string) =>
    fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' },
    });

  it('when an origin is allowed, then its preflight and its request are answered so that the page can read them', async () => {
    const { url, order } = await gateway({ corsOrigins: ['https://shop.example', 'http://localhost:5173'] });
    const before = await preflight(`${url}/orders`, 'https://shop.example');
    expect(before.status).toBe(204);
    expect(before.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(before.headers.get('access-control-allow-methods')).toContain('POST');
    expect(before.headers.get('access-control-allow-headers')).toMatch(/Authorization.*Idempotency-Key.*Prefer/);
    expect(order.requests).toEqual([]);

    const answer = await fetch(`${url}/orders`, { method: 'POST', headers: { origin: 'https://shop.example' } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(answer.headers.get('vary')).toBe('Origin');
    const exposed = answer.headers.get('access-control-expose-headers') ?? '';
    for (const name of ['Location', 'Retry-After', 'RateLimit', 'Idempotency-Replayed', 'traceparent'])
      expect(exposed.split(', ')).toContain(name);
  });

  it('when an answer is a refusal, then an allowed page can read it too', async () => {
    const { url } = await gateway({ corsOrigins: ['https://shop.example'] });
    const answer = await fetch(`${url}/points`, { headers: { origin: 'https://shop.example' } });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([503, 'https://shop.example']);
  });

  it.each([
    ['no origin is allowed', [], 'https://shop.example'],
    ['another one is', ['https://shop.example'], 'https://evil.example'],
    ['one that begins alike is', ['https://shop.example'], 'https://shop.example.evil.example'],
    ['it is none', ['https://shop.example'], 'null'],
  ])('when %s, then a page is not allowed', async (_case, corsOrigins, origin) => {
    const { url } = await gateway({ corsOrigins });
    expect((await preflight(`${url}/orders`, origin)).status).toBe(405);
    for (const answer of [
      await preflight(`${url}/orders`, origin),
      await fetch(`${url}/orders/1`, { headers: { origin } }),
    ])
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('rate limits', () => {
  it('when an address has asked too often, then 429 says when to return, and no service is asked', async () => {
    const { url, order } = await gateway({ limitAddress: { requests: 2, seconds: 60 } });
    const first = await fetch(`${url}/orders/1`);
    expect(first.headers.get('ratelimit-policy')).toBe('"address";q=2;w=60');
    expect(first.headers.get('ratelimit')).toBe('"address";r=1;t=60');
    await fetch(`${url}/`);
    const answer = await fetch(`${url}/orders/1`);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('ratelimit')).toMatch(/^"address";r=0;t=\d+$/);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ code: 'RATE_LIMITED', status: 429, traceId: expect.any(String) });
    expect((await fetch(`${url}/`)).status).toBe(429);
    expect(order.requests).toHaveLength(1);
  });

  it('when a user has asked too often, then other users of the same address are not refused', async () => {
    const identify: Guard = (passage) => {
      passage.caller = { user: Number(passage.request.headers['x-test-user']), scopes: [] };
    };
    const { url } = await gateway({ limitUser: { requests: 1, seconds: 60 }, identify });
    const ask = (user: string) => fetch(`${url}/orders/1`, { headers: { 'x-test-user': user } });
    expect((await ask('7')).headers.get('ratelimit')).toBe('"user";r=0;t=60');
    expect([(await ask('7')).status, (await ask('8')).status]).toEqual([429, 201]);
  });

  it('when a client tries tokens, then each try counts for its address', async () => {
    const identify: Guard = () => {
      throw new DomainError('UNAUTHENTICATED');
    };
    const { url } = await gateway({ limitAddress: { requests: 2, seconds: 60 }, identify });
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await fetch(`${url}/orders/1`)).status);
    expect(statuses).toEqual([401, 401, 429]);
  });

  it('when monitoring asks too often, then it is still answered', async () => {
    const { url } = await gateway({ limitAddress: { requests: 1, seconds: 60 } });
    for (const path of ['/health/live', '/health/ready', '/health/live'])
      expect((await fetch(url + path)).status).toBe(200);
  });

  it('when a proxy is trusted, then its clients are counted apart; when none is, then a client cannot state its address', async () => {
    const ask = (url: string, address: string) => fetch(`${url}/orders/1`, { headers: { 'x-forwarded-for': address } });
    const limitAddress = { requests: 1, seconds: 60 };
    const behind = await gateway({ limitAddress, trustProxy: ['127.0.0.1'] });
    const statuses = async (url: string) =>
      Promise.all(['192.0.2.1', '192.0.2.2'].map(async (address) => (await ask(url, address)).status));
    expect(await statuses(behind.url)).toEqual([201, 201]);
    expect(behind.order.requests.map(({ request }) => request.headers['x-forwarded-for']).sort()).toEqual([
      '192.0.2.1',
      '192.0.2.2',
    ]);
    const alone = await gateway({ limitAddress });
    expect((await statuses(alone.url)).sort()).toEqual([201, 429]);
  });
});

describe('size of a request', () => {
  it('when the path with its query is too long, then 414 and no service is asked', async () => {
    const { url, order } = await gateway();
    expect((await fetch(`${url}/orders/1?x=${'a'.repeat(8_000)}`)).status).toBe(201);
    for (const path of ['/orders/1', '/docs']) {
      const answer = await fetch(`${url}${path}?x=${'a'.repeat(8_200)}`);
      expect([answer.status, await answer.json()]).toEqual([414, expect.objectContaining({ code: 'URI_TOO_LONG' })]);
    }
    expect(order.requests).toHaveLength(1);
  });
});

describe('shedding', () => {
  it('when the event loop is late for long, then requests are refused, health answers, and the refusals end by themselves', async () => {
    const { url, metrics } = await gateway({ shedAboveMs: 30 });
    let working = true;
    // Blocks the event loop for 100 ms in each of its turns.
    const work = (): void => {
      const end = performance.now() + 100;
      while (performance.now() < end);
      if (working) setTimeout(work, 1);
    };
    work();
    const refused = await eventually(async () => {
      const answer = await fetch(`${url}/orders/1`);
      return answer.status === 503 ? answer : undefined;
    });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'SERVICE_UNAVAILABLE', traceId: expect.any(String) });
    expect((await fetch(`${url}/health/live`)).status).toBe(200);
    expect(await metrics.render()).toMatch(/gateway_shed_total [1-9]/);
    working = false;
    await eventually(async () => (await fetch(`${url}/orders/1`)).status === 201, { timeoutMs: 2_000 });
  });

  it('when the event loop is late once, then nothing is refused', () => {
    // A simulated clock: on a busy machine the real one is late more than once.
    jest.useFakeTimers();
    try {
      let at = 0;
      const metrics = createMetrics({ defaults: false });
      const shedder = createShedder({ aboveMs: 100, metrics, random: () => 0, now: () => at });
      const look = (lateMs: number) => {
        at += 20 + lateMs;
        jest.advanceTimersByTime(20);
      };
      for (const lateMs of [0, 0, 200]) look(lateMs);
      expect([shedder.delayMs > 0, shedder.refuses()]).toEqual([true, false]);
      look(200);
      expect(shedder.refuses()).toBe(true);
      shedder.stop();
    } finally {
      jest.useRealTimers();
    }
  });

  it('when the delay rises, then more is refused, from none at the threshold to all at twice the threshold', () => {
    expect([0, 250, 300, 375, 500, 5_000].map((delay) => shareToRefuse(delay, 250))).toEqual([
      0, 0, 0.19999999999999996, 0.5, 1, 1,
    ]);
    let delay = 0;
    for (let i = 0; i < 10; i++) delay = smoothed(delay, 400);
    expect(delay).toBeGreaterThan(390);
    for (let i = 0; i < 10; i++) delay = smoothed(delay, 0);
    expect(delay).toBeLessThan(5);
  });
});
