import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { runOpening } from './opening.ts';

describe('an opening', () => {
  let server: Server;
  let asked: { path: string; user: number; key: string | undefined }[];
  let answer: (path: string, user: number, times: number) => { status: number; body?: object; retryAfter?: number };

  const read = async (request: IncomingMessage) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const key = request.headers['idempotency-key'];
    return {
      path: request.url ?? '',
      user: text ? Number((JSON.parse(text) as { userId: number }).userId) : Number(request.url?.split('userId=')[1]),
      key: typeof key === 'string' ? key : undefined,
    };
  };

  beforeEach(async () => {
    asked = [];
    server = createServer(async (request, response) => {
      const one = await read(request);
      asked.push(one);
      const times = asked.filter(({ path, user }) => path === one.path && user === one.user).length;
      const { status, body = {}, retryAfter } = answer(one.path, one.user, times);
      if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
      response.writeHead(status);
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(() => new Promise((done) => server.close(done)));

  const open = (clients: number, limitSeconds = 20) =>
    runOpening(
      {
        target: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        clients,
        rampSeconds: 0.05,
        couponPolicyId: 1,
        productId: 2,
        connections: 100,
        patienceMs: 5_000,
        limitSeconds,
        timelySeconds: 10,
      },
      () => 0,
    );

  it('when every client knows how its coupon and its order ended, then the opening ends', async () => {
    answer = (path, user) => {
      if (path === '/coupons/issue')
        return user <= 3 ? { status: 200 } : { status: 409, body: { code: 'COUPON_SOLD_OUT' } };
      return user <= 2 ? { status: 201 } : { status: 409, body: { code: 'OUT_OF_STOCK' } };
    };
    const result = await open(10);
    expect(result).toMatchObject({
      timely: 10,
      unfinished: 0,
      ends: { 'coupon: issued': 3, 'coupon: sold out': 7, 'order: completed': 2, 'order: out of stock': 8 },
      again: {},
      requests: { median: 2, max: 2, all: 20 },
    });
    expect(result.toOrder.count).toBe(10);
  });

  it('when a client is refused, then it returns with the same key; when its order missed the deadline, then with a new one', async () => {
    answer = (path, user, times) => {
      if (path === '/coupons/issue') return { status: 200 };
      if (path.startsWith('/orders/')) return { status: 200, body: { status: 'COMPLETED', orderId: 'o' } };
      if (user === 1) return times === 1 ? { status: 503, retryAfter: 0 } : { status: 201 };
      if (user === 2 && times === 1) return { status: 503, retryAfter: 0, body: { code: 'ORDER_DEADLINE_EXCEEDED' } };
      return { status: 202, body: { status: 'PENDING', orderId: 'o' } };
    };
    const { ends, again, requests } = await open(3);
    expect(ends).toEqual({ 'coupon: issued': 3, 'order: completed': 3 });
    expect(again).toEqual({ deadline: 1, refused: 1 });
    expect(requests.max).toBe(4);
    const keys = (user: number) =>
      asked.filter((it) => it.path === '/orders' && it.user === user).map(({ key }) => key);
    expect(new Set(keys(1)).size).toBe(1);
    expect(new Set(keys(2)).size).toBe(2);
    expect(asked.some(({ path }) => path === '/orders/o?userId=2')).toBe(true);
  });

  it('when the time limit is reached, then the opening gives up and counts the unfinished clients', async () => {
    answer = () => ({ status: 503, retryAfter: 0 });
    const { timely, unfinished, ends } = await open(2, 0.2);
    expect({ timely, unfinished, ends }).toEqual({ timely: 0, unfinished: 2, ends: {} });
  });
});
