import { randomUUID } from 'node:crypto';
import { seeded } from '../profiles.ts';
import type { LoadRequest } from '../traffic.ts';
import { createClients } from './clients.ts';
import { requestText } from './mix.ts';
import { summarize } from './percentiles.ts';
import type { OpeningPlan, OpeningResult } from './plan.ts';
import { decide, pauseMs, type Wish } from './wishes.ts';

const WAIT_SECONDS = 10;
const JSON_BODY = { 'content-type': 'application/json' };

export async function runOpening(plan: OpeningPlan, random = seeded(11)): Promise<OpeningResult> {
  const { hostname, port } = new URL(plan.target);
  const host = `${hostname}:${port}`;
  const clients = createClients({ host: hostname, port: Number(port), most: plan.connections });
  const ends = new Map<string, number>();
  const again = new Map<string, number>();
  const requests: number[] = [];
  const toCoupon: number[] = [];
  const toOrder: number[] = [];
  const first = performance.now();
  const from = Date.now();
  const over = first + plan.limitSeconds * 1_000;
  let timely = 0;
  let last = first;
  let isOver = false;

  const send = (request: LoadRequest) =>
    new Promise<Parameters<typeof decide>[1]>((done) =>
      clients.ask({
        text: requestText(request, host),
        patienceMs: plan.patienceMs,
        keepsBody: () => true,
        done,
      }),
    );

  /** @returns whether the client knows how the wish ended */
  async function fulfil(wish: Wish, userId: number, asked: { count: number }): Promise<boolean> {
    let key = randomUUID();
    let orderId: string | undefined;
    while (!isOver) {
      asked.count++;
      const next = decide(wish, await send(requestOf(plan, wish, userId, key, orderId)));
      if (next.kind === 'final') {
        count(ends, `${wish}: ${next.end}`);
        return true;
      }
      if (next.kind === 'follow') {
        orderId = next.orderId;
        continue;
      }
      count(again, next.why);
      if (next.fresh) {
        key = randomUUID();
        orderId = undefined;
      }
      await pause(pauseMs(next.afterSeconds, random));
    }
    return false;
  }

  async function client(userId: number, at: number): Promise<void> {
    await pause(at - performance.now());
    const asked = { count: 0 };
    if (await fulfil('coupon', userId, asked)) {
      toCoupon.push(performance.now() - at);
      if (await fulfil('order', userId, asked)) {
        last = performance.now();
        toOrder.push(last - at);
        if (last - at <= plan.timelySeconds * 1_000) timely++;
      }
    }
    requests.push(asked.count);
  }

  const all = Array.from({ length: plan.clients }, (_, index) =>
    client(index + 1, first + (index / plan.clients) * plan.rampSeconds * 1_000),
  );
  const limit = setTimeout(() => {
    isOver = true;
  }, over - performance.now());
  await Promise.all(all);
  clearTimeout(limit);
  clients.close();
  const { p50: median, max } = summarize([...requests]);
  return {
    clients: plan.clients,
    timely,
    unfinished: plan.clients - toOrder.length,
    ends: Object.fromEntries([...ends].sort()),
    again: Object.fromEntries([...again].sort()),
    requests: { median, max, all: requests.reduce((sum, n) => sum + n, 0) },
    toCoupon: summarize(toCoupon),
    toOrder: summarize(toOrder),
    lastedSeconds: (last - first) / 1_000,
    from,
    to: Date.now(),
  };
}

function requestOf(
  { couponPolicyId, productId }: OpeningPlan,
  wish: Wish,
  userId: number,
  key: string,
  orderId: string | undefined,
): LoadRequest {
  const common = { good: [], waits: false };
  if (wish === 'coupon')
    return {
      ...common,
      method: 'POST',
      path: '/coupons/issue',
      headers: { ...JSON_BODY, 'idempotency-key': key },
      body: JSON.stringify({ userId, couponPolicyId }),
    };
  const prefer = `wait=${WAIT_SECONDS}`;
  if (orderId !== undefined)
    return { ...common, method: 'GET', path: `/orders/${orderId}?userId=${userId}`, headers: { prefer } };
  return {
    ...common,
    method: 'POST',
    path: '/orders',
    headers: { ...JSON_BODY, 'idempotency-key': key, prefer },
    body: JSON.stringify({ userId, items: [{ productId, quantity: 1 }] }),
  };
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, Math.max(0, ms)));
}
