import { request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import { eventually } from '@shop/chassis/testing';
import type { Passage } from '../passage.ts';
import { ROUTES } from '../routes.generated.ts';
import { type FakeService, fakeService, startGateway } from '../testing.ts';
import { createCopies, type Flight } from './copies.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

type Answer = Parameters<typeof fakeService>[0];

/** A gateway in front of a catalog; its copies stay valid throughout a test. */
async function shop(
  answer: Answer,
  ...orderUrls: string[]
): Promise<{ url: string; catalog: FakeService; count: () => Promise<string> }> {
  const catalog = await fakeService(answer);
  open.push(catalog);
  const gateway = await startGateway(orderUrls, {
    catalogUrls: [catalog.url],
    copiesMs: 60_000,
    streamSilenceMs: 60_000,
  });
  open.push(gateway);
  return { url: gateway.url, catalog, count: () => gateway.metrics.render() };
}

function good(response: ServerResponse, text: string, etag = `"${text}"`): void {
  response
    .writeHead(200, {
      'Content-Type': 'text/plain',
      'Content-Length': text.length,
      'Cache-Control': 'public, no-cache',
      ETag: etag,
    })
    .end(text);
}

/** Raw request: fetch adds its own Cache-Control to conditional requests. */
function get(url: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; headers: IncomingMessage['headers']; text: string }>(
    (done, failed) => {
      const sent = ask(url, { headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          done({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() }),
        );
      });
      sent.on('error', failed).end();
    },
  );
}

describe('answers from a copy', () => {
  it('when a product is asked for again, then the service is not, and the answer is the same but for its trace', async () => {
    const { url, catalog, count } = await shop((_request, response) => good(response, 'lamp'));
    const [first, second] = [await get(`${url}/products/1`), await get(`${url}/products/1`)];
    expect(catalog.requests).toHaveLength(1);
    const shown = ({ status, text, headers }: typeof first) => {
      const { date: _date, traceparent: _trace, connection: _connection, 'keep-alive': _alive, ...rest } = headers;
      return { status, text, headers: rest };
    };
    expect(shown(second)).toEqual(shown(first));
    expect(second.headers.traceparent).toMatch(/^00-/);
    expect(await count()).toContain('gateway_shared_answers_total{route="/products/:id"} 1');
  });

  it('when the client has the answer already, then 304, from a copy as from the service', async () => {
    const { url, catalog } = await shop((_request, response) => good(response, 'lamp'));
    for (const tag of ['"lamp"', 'W/"x", W/"lamp"', '*']) {
      const answer = await get(`${url}/products/1`, { 'if-none-match': tag });
      expect(answer).toMatchObject({
        status: 304,
        text: '',
        headers: { etag: '"lamp"', 'cache-control': 'public, no-cache' },
      });
      expect(answer.headers).not.toHaveProperty('content-length');
    }
    expect((await get(`${url}/products/1`, { 'if-none-match': '"other"' })).text).toBe('lamp');
    // The service was asked once, for the whole answer.
    expect(catalog.requests.map(({ request }) => request.headers['if-none-match'])).toEqual([undefined]);
  });

  it('when many ask at once, then the service is asked once', async () => {
    const held: ServerResponse[] = [];
    const { url, catalog } = await shop((_request, response) => void held.push(response));
    const answers = Array.from({ length: 20 }, (_, index) =>
      get(`${url}/products`, index % 2 ? { 'if-none-match': '"list"' } : {}),
    );
    await eventually(() => held.length > 0);
    for (const response of held) good(response, 'list');
    expect((await Promise.all(answers)).map(({ status }) => status).toSorted()).toEqual([
      ...Array(10).fill(200),
      ...Array(10).fill(304),
    ]);
    expect(catalog.requests).toHaveLength(1);
  });

  it('when a client wants the present state, then the service is asked, with that wish', async () => {
    const { url, catalog } = await shop((_request, response) => good(response, 'lamp'));
    await get(`${url}/products/1`);
    const now = { 'cache-control': 'no-cache' };
    await get(`${url}/products/1`, now);
    expect(catalog.requests.map(({ request }) => request.headers['cache-control'])).toEqual([undefined, 'no-cache']);
    expect((await get(`${url}/products/1`, { ...now, 'if-none-match': '"lamp"' })).status).toBe(304);
  });

  it('when a read is a HEAD, refused, or depends on the user, then the service is asked each time', async () => {
    const { url, catalog } = await shop((_request, response) => response.writeHead(404).end('{}'));
    for (let n = 0; n < 2; n++) expect((await get(`${url}/products/1`)).status).toBe(404);
    expect(catalog.requests).toHaveLength(2);
    for (let n = 0; n < 2; n++) await fetch(`${url}/products/1`, { method: 'HEAD' });
    expect(catalog.requests).toHaveLength(4);
    expect((await get(`${url}/points?userId=1`)).status).toBe(503);
  });
});

describe('a read that is sent a second time', () => {
  it.each([
    ['another answer', 200, (response: ServerResponse) => good(response, 'new')],
    ['a refusal', 404, (response: ServerResponse) => response.writeHead(404, { 'Content-Length': 3 }).end('new')],
  ])(
    "when the first try brings half of the client's own copy and the second %s, then that is sent whole",
    async (_what, status, second) => {
      let received = 0;
      const { url, catalog } = await shop((_request, response) => {
        if (received++ > 0) second(response);
        else {
          response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 8, ETag: '"old"' });
          response.write('half', () => response.destroy());
        }
      });
      expect(await get(`${url}/products/1`, { 'if-none-match': '"old"' })).toMatchObject({ status, text: 'new' });
      expect(catalog.requests.filter(({ request }) => request.url === '/products/1')).toHaveLength(2);
    },
  );
});

describe('a change by an operator', () => {
  it('when a change went through here, then the next read sees it, and the service reads anew', async () => {
    let name = 'old';
    const { url, catalog } = await shop(({ method }, response) => {
      if (method === 'PATCH') name = 'new';
      good(response, name);
    });
    expect((await get(`${url}/products/1`)).text).toBe('old');
    await fetch(`${url}/products/1`, { method: 'PATCH', body: '{}' });
    expect((await get(`${url}/products/1`)).text).toBe('new');
    expect(catalog.requests.at(-1)?.request.headers['cache-control']).toBe('no-cache');
    expect((await get(`${url}/products/1`)).text).toBe('new');
    expect(catalog.requests).toHaveLength(3);
  });

  it('when a change broke off, then it may have happened, and the next read is asked for', async () => {
    const { url, catalog } = await shop((request, response) => {
      if (request.method === 'PATCH') request.socket.destroy();
      else good(response, 'lamp');
    });
    await get(`${url}/products/1`);
    expect((await fetch(`${url}/products/1`, { method: 'PATCH', body: '{}' })).status).toBe(503);
    await get(`${url}/products/1`);
    expect(
      catalog.requests.filter(({ request }) => request.method === 'GET' && request.url === '/products/1'),
    ).toHaveLength(2);
  });
});

describe("clients waiting for another's answer", () => {
  it('when the asking client leaves, then the first waiting one asks in its place, for all', async () => {
    const held: ServerResponse[] = [];
    const { url, catalog } = await shop((_request, response) => void held.push(response));
    const leaving = ask(`${url}/products`).on('error', () => undefined);
    leaving.end();
    await eventually(() => held.length === 1);
    const waiting = [1, 2, 3].map(() => get(`${url}/products`));
    // They have reached the gateway once a later request is answered.
    await get(`${url}/health/live`);
    leaving.destroy();
    await eventually(() => held.length === 2);
    good(held[1] as ServerResponse, 'list');
    expect((await Promise.all(waiting)).map(({ text }) => text)).toEqual(['list', 'list', 'list']);
    expect(catalog.requests).toHaveLength(2);
  });

  it('when the service refuses, then each is refused singly; when it is away, then all are told', async () => {
    const held: ServerResponse[] = [];
    let late = 0;
    const { url, catalog } = await shop((_request, response) => {
      if (late++ === 0) held.push(response);
      else response.writeHead(404, { 'Content-Type': 'application/problem+json' }).end(`{"n":${late}}`);
    });
    const asked = [1, 2, 3].map(() => get(`${url}/products/7`));
    await get(`${url}/health/live`);
    await eventually(() => held.length === 1);
    held[0]?.writeHead(404).end('{"n":1}');
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(3);
    expect(catalog.requests).toHaveLength(3);
  });

  it('when the service answers 503 to one, then all who wait for the same are told so, and nobody asks once more', async () => {
    const held: ServerResponse[] = [];
    const { url, catalog } = await shop((_request, response) => void held.push(response));
    const asked = Array.from({ length: 60 }, () => get(`${url}/products/7`));
    await eventually(() => held.length === 1);
    await get(`${url}/health/live`);
    held[0]?.writeHead(503, { 'Retry-After': '7' }).end('{}');
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ status, headers }) => `${status} ${headers['retry-after']}`))).toEqual(
      new Set(['503 7']),
    );
    expect(catalog.requests).toHaveLength(1);
  });

  it('when the service answers 500 to one, then all who wait for the same get the last good answer', async () => {
    const held: ServerResponse[] = [];
    let ill = false;
    const { url, catalog } = await shop(({ method }, response) => {
      if (method === 'PATCH') ill = true;
      if (method === 'GET' && ill) held.push(response);
      else good(response, 'lamp');
    });
    await get(`${url}/products/1`);
    await fetch(`${url}/products/1`, { method: 'PATCH', body: '{}' });
    const asked = [1, 2, 3].map(() => get(`${url}/products/1`));
    await eventually(() => held.length === 1);
    await get(`${url}/health/live`);
    held[0]?.writeHead(500).end('{}');
    for (const { text, headers } of await Promise.all(asked)) {
      expect([text, headers.warning]).toEqual(['lamp', '110 - "Response is Stale"']);
    }
    expect(catalog.requests).toHaveLength(3);
  });

  const half = (response: ServerResponse) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 8 });
    response.write('half', () => response.destroy());
  };
  it.each([
    ['is 404', 404, (response: ServerResponse) => response.writeHead(404).end('{}')],
    ['is 503', 503, (response: ServerResponse) => response.writeHead(503).end('{}')],
    ['is empty', 404, (response: ServerResponse) => response.writeHead(200, { 'Content-Length': 0 }).end()],
    ['breaks off', 404, half],
  ])(
    "when the asking client's answer %s and queues behind another one, then the waiting ones have theirs",
    async (_how, status, answer) => {
      const held: ServerResponse[] = [];
      const order = await fakeService((_request, response) => response.writeHead(200).flushHeaders());
      open.push(order);
      const { url } = await shop((_request, response) => {
        if (held.push(response) > 1) response.writeHead(404).end('{}');
      }, order.url);
      const first = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
      first.write('GET /orders/1/events HTTP/1.1\r\nHost: x\r\n\r\nGET /products/1 HTTP/1.1\r\nHost: x\r\n\r\n');
      await eventually(() => held.length === 1);
      const waiting = get(`${url}/products/1`);
      await get(`${url}/health/live`);
      answer(held[0] as ServerResponse);
      expect((await waiting).status).toBe(status);
      first.destroy();
    },
  );

  it('when the first client reads slowly, then the others get their answer all the same', async () => {
    const large = 'x'.repeat(8_000_000);
    const { url, catalog } = await shop((_request, response) => good(response, large, '"large"'));
    // It reads nothing after the head.
    const slow = ask(`${url}/products`).on('error', () => undefined);
    const head = new Promise<IncomingMessage>((done) => void slow.on('response', done));
    slow.end();
    (await head).pause();
    expect((await get(`${url}/products`)).text.length).toBe(large.length);
    expect(catalog.requests.length).toBeLessThanOrEqual(2);
    slow.destroy();
  });
});

describe('the age of a copy', () => {
  const route = ROUTES.find(({ path }) => path === '/products') as Passage['route'];
  const body = Buffer.from('x');

  /** The outcome of a read: asked for, answered from here, or waiting. */
  function simulated() {
    const clock = { ms: 0 };
    const copies = createCopies({ metrics: createMetrics({ defaults: false }), now: () => clock.ms });
    const read = (url = '/products') => {
      const seen: { flight?: Flight | undefined; status?: number } = {};
      const response = {
        once: () => undefined,
        writeHead: (status: number) => {
          seen.status = status;
          return { end: () => undefined };
        },
      };
      copies.answer(
        { request: { url, headers: {} }, response, route, headers: [], waitedMs: 0 } as unknown as Passage,
        {
          ask: (flight) => {
            seen.flight = flight;
          },
          failed: () => undefined,
        },
      );
      return seen;
    };
    return { clock, copies, read };
  }

  it('when a copy was asked for a quarter of a second ago, then it is given, and not a moment later', () => {
    const { clock, read } = simulated();
    const { flight } = read();
    // The age counts from the request, however late the answer.
    clock.ms = 200;
    flight?.answered({ contentType: 'a', body });
    clock.ms = 250;
    expect(read().status).toBe(200);
    clock.ms = 251;
    expect(read()).toMatchObject({ flight: { fresh: false } });
  });

  it('when a request has been out for longer, then another one is sent', () => {
    const { clock, read } = simulated();
    read();
    clock.ms = 250;
    expect(read()).toEqual({});
    clock.ms = 251;
    expect(read().flight).toBeDefined();
  });

  it('when an operator changes something during a request, then its answer is not given to later readers', () => {
    const { copies, read } = simulated();
    const { flight } = read();
    const early = read();
    copies.changed('catalog');
    const late = read();
    expect(late.flight).toMatchObject({ fresh: true });
    flight?.answered({ contentType: 'a', body });
    expect([early.status, read().status]).toEqual([200, undefined]);
    late.flight?.answered({ contentType: 'a', body });
    expect(read().status).toBe(200);
  });

  it('when very much is asked for, then the copies are the latest ones, within their bytes', () => {
    const { clock, copies, read } = simulated();
    for (let n = 0; n < 3_000; n++)
      read(`/products/${n}`).flight?.answered({ contentType: 'a', body: Buffer.alloc(10_000) });
    expect(copies.bytes).toBeLessThanOrEqual(16 * 1024 * 1024);
    clock.ms = 1_000;
    read().flight?.answered({ contentType: 'a', body });
    expect(copies.bytes).toBeLessThan(1_000);
  });
});
