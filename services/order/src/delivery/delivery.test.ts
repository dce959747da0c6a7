import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMetrics } from '@shop/chassis';
import { classify, OutageError } from '@shop/events';
import type { DeliveredEvent } from '../usecases/deliver-orders.ts';
import { type GuardedPlatform, guardPlatform } from './breaker.ts';
import { createHttpPlatform, RefusedByPlatformError } from './http-platform.ts';

const events = [{ id: '1', type: 'order-cancelled', time: '2026-01-01T00:00:00.000Z', data: { orderId: 'o' } }];
const batch = events as unknown as DeliveredEvent[];

/**
 * The platform's behaviour: it answers with a status, never answers, cuts the connection, or answers 200 or 400 without
 * an end.
 */
let behaviour: number | 'silent' | 'cut' | 'endless 200' | 'endless 400';
let bodies: string[];
/** The Retry-After of its answers. */
let retryAfter: string | undefined;
let server: Server;
let url: string;

beforeEach(async () => {
  behaviour = 200;
  bodies = [];
  retryAfter = undefined;
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    if (behaviour === 'cut') request.socket.destroy();
    else if (behaviour === 'endless 200' || behaviour === 'endless 400') {
      response.writeHead(Number(behaviour.slice(-3)));
      const more = () => {
        for (let isRoom = true; isRoom && !response.destroyed; ) isRoom = response.write('and so on '.repeat(1_000));
      };
      response.on('drain', more);
      more();
    } else if (behaviour !== 'silent')
      response
        .writeHead(behaviour, { location: '/elsewhere', ...(retryAfter && { 'retry-after': retryAfter }) })
        .end(`status ${behaviour}`);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
});
afterEach(async () => {
  server.closeAllConnections();
  if (server.listening) await new Promise((closed) => server.close(closed));
});

describe('a call of the platform', () => {
  const send = (timeoutMs = 2_000) => createHttpPlatform({ url, timeoutMs }).send(batch);
  const failure = (timeoutMs?: number) =>
    send(timeoutMs).then(
      () => undefined,
      (error: unknown) => error,
    );

  it('when events are sent, then it is a POST, done with an answer of 2xx', async () => {
    for (const status of [200, 201, 202, 204]) {
      behaviour = status;
      await send();
    }
    expect(bodies.map((body) => JSON.parse(body))).toEqual(Array(4).fill({ events }));
  });

  it.each([400, 402, 406, 409, 413, 415, 422, 451])(
    'when the answer is %i, then the events themselves are at fault',
    async (status) => {
      behaviour = status;
      const error = await failure();
      expect(error).toBeInstanceOf(RefusedByPlatformError);
      expect(classify(error)).toBe('poison');
      expect(String(error)).toContain(`${status}: status ${status}`);
    },
  );

  it.each([302, 307, 401, 403, 404, 408, 425, 429, 500, 502, 503, 504])(
    'when the answer is %i, then it is an outage that says nothing of the events, and no redirect is followed',
    async (status) => {
      behaviour = status;
      const error = await failure();
      expect(error).toBeInstanceOf(OutageError);
      expect(classify(error)).toBe('outage');
      expect(bodies).toHaveLength(1);
    },
  );

  it('when a call is cut, not answered in time, or refused, then it is an outage', async () => {
    behaviour = 'cut';
    expect(await failure()).toBeInstanceOf(OutageError);
    behaviour = 'silent';
    expect(await failure(50)).toBeInstanceOf(OutageError);
    await new Promise((closed) => {
      server.close(closed);
      server.closeAllConnections();
    });
    expect(await failure()).toBeInstanceOf(OutageError);
  });

  it('when an answer has no end, then its status decides, and it is not read for ever', async () => {
    behaviour = 'endless 200';
    await send(60_000);
    behaviour = 'endless 400';
    const error = await failure(60_000);
    expect(error).toBeInstanceOf(RefusedByPlatformError);
    expect(String(error)).toMatch(/answered 400: and so on and so on/);
    expect(String(error).length).toBeLessThan(500);
  });

  it('when the process stops during a call, then the call ends at once, as an outage', async () => {
    behaviour = 'silent';
    const closing = new AbortController();
    const sent = createHttpPlatform({ url, timeoutMs: 60_000, signal: closing.signal }).send(batch);
    closing.abort(new Error('the process is stopping'));
    await expect(sent).rejects.toThrow(OutageError);
  });
});

describe('the breaker of the platform', () => {
  let metrics: ReturnType<typeof createMetrics>;
  let platform: GuardedPlatform;
  let time: number;
  beforeEach(() => {
    time = 0;
    metrics = createMetrics({ defaults: false });
    platform = guardPlatform(createHttpPlatform({ url, timeoutMs: 2_000 }), {
      metrics,
      timeoutMs: 2_000,
      resetMs: 100,
      now: () => time,
    });
  });
  afterEach(() => platform.close());

  const send = () =>
    platform.send(batch).then(
      () => 'delivered',
      (error: Error) => `${error.name}: ${error.message}`,
    );
  const stateIs = async (state: string) =>
    (await metrics.render()).includes(`data_platform_breaker_state{state="${state}"} 1`);

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 5_000; !(await holds()); await new Promise((next) => setTimeout(next, 10)))
      if (Date.now() > end) throw new Error(`not ${what} within 5 s`);
  }

  it('when some calls have failed, then the breaker opens, refuses without a call, and closes with the first success', async () => {
    behaviour = 503;
    for (let n = 0; n < 3; n += 1) expect(await send()).toContain('answered 503');
    expect(await stateIs('open')).toBe(true);
    expect(await send()).toBe('OutageError: the data platform is away: the breaker is open');
    expect(bodies).toHaveLength(3);

    await until('half open', () => stateIs('half_open'));
    expect(await send()).toContain('answered 503');
    expect(await stateIs('open')).toBe(true);

    behaviour = 200;
    await until('half open', () => stateIs('half_open'));
    expect(await send()).toBe('delivered');
    expect(await stateIs('closed')).toBe(true);
    expect(await send()).toBe('delivered');
  });

  it.each([
    ['in seconds', 429, () => '60'],
    ['as a date', 503, () => new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 60_000).toUTCString()],
  ])(
    'when the platform asks to be left alone %s, then it gets no call for so long, and the next one after it',
    async (_, status, after) => {
      behaviour = status;
      retryAfter = after();
      expect(await send()).toContain(`answered ${status}`);
      behaviour = 200;
      for (time = 0; time < 59_000; time += 2_000) {
        expect(await send()).toMatch(/^OutageError: the data platform asks to be left alone for \d+ s more$/);
      }
      expect(bodies).toHaveLength(1);
      time = 61_001;
      expect(await send()).toBe('delivered');
      expect(bodies).toHaveLength(2);
    },
  );

  it("when the breaker is half open and the answer says when to come back, then that time counts, not the breaker's", async () => {
    behaviour = 503;
    for (let n = 0; n < 3; n += 1) await send();
    retryAfter = '60';
    await until('half open', () => stateIs('half_open'));
    expect(await send()).toContain('answered 503');
    await until('half open', () => stateIs('half_open'));
    expect(await send()).toContain('asks to be left alone for 60 s more');
    expect(bodies).toHaveLength(4);
  });

  it('when events are refused by the platform, then the breaker stays closed', async () => {
    behaviour = 400;
    for (let n = 0; n < 10; n += 1) expect(await send()).toContain('RefusedByPlatformError');
    expect(await stateIs('closed')).toBe(true);
    expect(bodies).toHaveLength(10);
  });

  it('when the breaker is shut down, then calls are an outage', async () => {
    platform.close();
    expect(await send()).toContain('OutageError');
  });
});
