import { request as ask, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@shop/chassis/testing';
import { fakeService, startGateway } from '../testing.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const READ_MS = 2_000;
/** Its end, and up to a second more: undici looks at its timers twice a second. */
const BY_THEN_MS = 1.6 * READ_MS;

/** A gateway in front of two instances: the first request is broken off after a time, further ones get no answer. */
async function start(breaksAfterMs: number, options: Parameters<typeof startGateway>[1] = {}) {
  const received: IncomingMessage[] = [];
  let firstAt = 0;
  const instance = () =>
    fakeService((request, response) => {
      if (request.url === '/health/live') response.end();
      else if (received.push(request) === 1) {
        firstAt = performance.now();
        setTimeout(() => request.socket.destroy(), breaksAfterMs).unref();
      }
    });
  const instances = [await instance(), await instance()];
  const urls = instances.map(({ url }) => url);
  const gateway = await startGateway(urls, { readMs: READ_MS, timeoutMs: 10_000, catalogUrls: urls, ...options });
  cleanups.push(...instances.map(({ close }) => close), gateway.close);
  const headers = (index: number): IncomingHttpHeaders => received[index]?.headers ?? {};
  /** The time since the first request arrived, ms. */
  const sinceFirst = () => performance.now() - firstAt;
  return { url: gateway.url, received, headers, sinceFirst };
}

const timeLeft = (headers: IncomingHttpHeaders) => Number(headers['x-shop-time-left']);

describe('a second try', () => {
  it.each(['/orders/1', '/products/1'])(
    'when the first instance dies late and the second does not answer (%s), then both have one time between them',
    async (path) => {
      const { url, headers, sinceFirst } = await start(0.8 * READ_MS);
      expect((await fetch(url + path)).status).toBe(503);
      expect(sinceFirst()).toBeLessThan(BY_THEN_MS);
      expect(timeLeft(headers(0))).toBeGreaterThan(0.9 * READ_MS);
      expect(timeLeft(headers(1))).toBeLessThanOrEqual(0.2 * READ_MS);
    },
  );

  it.each([
    ['wait=2', 'wait=1'],
    ['wait=1', undefined],
    ['respond-async', 'respond-async'],
  ])('when the first instance dies after a second of %s, then the second is asked for %s', async (prefer, then) => {
    const { url, received, headers } = await start(1_100, { readMs: 5_000 });
    const leave = new AbortController();
    const answer = fetch(`${url}/orders/1`, { headers: { prefer }, signal: leave.signal }).catch(() => undefined);
    await eventually(() => received.length === 2);
    expect([headers(0).prefer, headers(1).prefer]).toEqual([prefer, then]);
    expect(timeLeft(headers(1))).toBeLessThanOrEqual(timeLeft(headers(0)) - 1_000);
    leave.abort();
    await answer;
  });
});

describe('a shared read that is asked again in place of a client that left', () => {
  it('when the client leaves late, then the next one has the rest of its own time, and a new one all of its', async () => {
    const { url, received, headers, sinceFirst } = await start(60_000, { copiesMs: 250 });
    const leaving = ask(`${url}/products/1`).on('error', () => undefined);
    leaving.end();
    await eventually(() => received.length === 1);
    const waiting = fetch(`${url}/products/1`).then(({ status }) => ({ status, ms: sinceFirst() }));
    await sleep(0.7 * READ_MS);
    leaving.destroy();
    await eventually(() => received.length === 2);
    expect(timeLeft(headers(1))).toBeLessThanOrEqual(0.35 * READ_MS);
    const later = fetch(`${url}/products/1`);
    await eventually(() => received.length === 3);
    expect(timeLeft(headers(2))).toBeGreaterThan(0.9 * READ_MS);
    const { status, ms } = await waiting;
    expect(status).toBe(503);
    expect(ms).toBeLessThan(BY_THEN_MS);
    expect((await later).status).toBe(503);
  });
});
