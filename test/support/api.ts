import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answer.ts';
import type { Contract } from './contract.ts';

export type { Answer } from './answer.ts';

/** An RFC 9457 problem, with this API's own fields. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly traceId: string;
  readonly orderId?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export interface OrderBody {
  readonly orderId: string;
  readonly userId: number;
  readonly status: 'PENDING' | 'COMPLETED' | 'CANCELLED';
  readonly items: readonly { productId: number; name?: string; unitPrice?: number; quantity: number }[];
  readonly totalAmount: number;
  readonly discountAmount: number;
  readonly paidAmount: number;
  readonly refund?: { readonly status: 'PENDING' | 'DONE'; readonly amount: number };
  readonly couponId?: string;
  readonly reason?: string;
}

/** An order, or the problem that ended it, depending on the status. */
export type OrderAnswer = Omit<OrderBody, 'status'> &
  Omit<Problem, 'status' | 'orderId'> & { readonly status: string | number };

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** Sent unchanged, in place of `body`. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly timeoutMs?: number;
}

export interface OrderOptions {
  readonly couponId?: string;
  readonly expectedTotal?: number;
  readonly key?: string;
  /** Seconds to wait for the saga's end. */
  readonly wait?: number;
  /** Sends one request, for a test of refusals. Otherwise an order that is refused for load comes back. */
  readonly once?: boolean;
}

export type Lines = readonly (readonly [productId: number, quantity: number])[];

/** Headers of a request, by its method and its path with query. */
export type HeadersFor = (method: string, path: string) => Readonly<Record<string, string>>;

/** The public API as a client sees it. The user goes in `userId`, as required by GATEWAY_AUTH=off. */
export class Api {
  readonly baseUrl: string;
  readonly headersFor: HeadersFor;

  /** The contract that every answer is checked against. */
  readonly contract: Contract | undefined;

  /** @param headersFor signs calls sent to a service directly */
  constructor(baseUrl: string, headersFor: HeadersFor = () => ({}), contract?: Contract) {
    this.baseUrl = baseUrl;
    this.headersFor = headersFor;
    this.contract = contract;
  }

  async request<Body = Record<string, unknown>>(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<Answer<Body>> {
    const url = new URL(path, this.baseUrl);
    for (const [name, value] of Object.entries(options.query ?? {})) url.searchParams.set(name, String(value));
    const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    const response = await fetch(url, {
      method,
      headers: {
        ...this.headersFor(method, `${url.pathname}${url.search}`),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      signal: AbortSignal.timeout(options.timeoutMs ?? 40_000),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const faults = this.contract?.check(method, url.pathname, {
      status: response.status,
      headers: response.headers,
      text,
    });
    if (faults && faults.length > 0) throw new Error(`an answer is not as documented:\n${faults.join('\n')}`);
    return { status: response.status, headers: response.headers, text, body: parseJson(text) as Body };
  }

  charge(userId: number, amount: number, key?: string): Promise<Answer> {
    return this.request('POST', '/points/charge', { body: { userId, amount }, ...keyHeader(key) });
  }

  async balance(userId: number): Promise<number> {
    const answer = await patiently(() => this.request<{ balance: number }>('GET', '/points', { query: { userId } }));
    return expectStatus(answer, 200).body.balance;
  }

  placeOrder<Body = OrderAnswer>(userId: number, lines: Lines, options: OrderOptions = {}): Promise<Answer<Body>> {
    const { couponId, expectedTotal, key, wait, once } = options;
    const place = () =>
      this.request<Body>('POST', '/orders', {
        body: {
          userId,
          items: lines.map(([productId, quantity]) => ({ productId, quantity })),
          ...(couponId === undefined ? {} : { couponId }),
          ...(expectedTotal === undefined ? {} : { expectedTotal }),
        },
        headers: { ...keyHeader(key).headers, ...(wait === undefined ? {} : { prefer: `wait=${wait}` }) },
      });
    return once ? place() : patiently(place);
  }

  order(orderId: string, userId: number, wait?: number): Promise<Answer<OrderBody>> {
    return patiently(() =>
      this.request<OrderBody>('GET', `/orders/${orderId}`, {
        query: { userId },
        ...(wait === undefined ? {} : { headers: { prefer: `wait=${wait}` } }),
      }),
    );
  }

  cancel(orderId: string, userId: number, key?: string, wait?: number): Promise<Answer<OrderAnswer>> {
    return patiently(() => this.cancelOnce(orderId, userId, key, wait));
  }

  /** Cancels, and does not come back when it is refused for load. */
  cancelOnce(orderId: string, userId: number, key?: string, wait?: number): Promise<Answer<OrderAnswer>> {
    const headers = { ...keyHeader(key).headers, ...(wait === undefined ? {} : { prefer: `wait=${wait}` }) };
    return this.request('POST', `/orders/${orderId}/cancel`, { body: { userId }, headers });
  }

  /** The order once it is no longer PENDING. */
  async settled(orderId: string, userId: number, withinSeconds = 30): Promise<OrderBody> {
    const deadline = Date.now() + withinSeconds * 1000;
    for (;;) {
      const left = Math.max(1, Math.ceil((deadline - Date.now()) / 1000));
      const { body } = expectStatus(await this.order(orderId, userId, Math.min(left, 10)), 200);
      if (body.status !== 'PENDING') return body;
      if (Date.now() > deadline) throw new Error(`order ${orderId} is still PENDING after ${withinSeconds} s`);
    }
  }

  /** Creates a product for a test. */
  async newProduct(price: number, stockQuantity: number, name = `test ${randomUUID()}`): Promise<number> {
    const options = { body: { name, price, stockQuantity } };
    const answer = await patiently(() => this.request<{ productId: number }>('POST', '/products', options));
    return expectStatus(answer, 201).body.productId;
  }

  /** Creates a coupon policy for a test. @param wish see `policyBody` */
  async newPolicy(wish: Readonly<Record<string, unknown>> = {}, headers?: RequestOptions['headers']): Promise<number> {
    const options = { body: policyBody(wish), ...(headers ? { headers } : {}) };
    const answer = await patiently(() => this.request<{ couponPolicyId: number }>('POST', '/coupon-policies', options));
    return expectStatus(answer, 201).body.couponPolicyId;
  }

  /** The present stock. Other clients are shown a copy that may be a moment old. */
  async stock(productId: number): Promise<number> {
    const options = { headers: { 'cache-control': 'no-cache' } };
    const answer = await patiently(() =>
      this.request<{ stockQuantity: number }>('GET', `/products/${productId}`, options),
    );
    return expectStatus(answer, 200).body.stockQuantity;
  }

  /** Creates a user for a test, with points. */
  async newUser(points: number): Promise<number> {
    const userId = nextUserId();
    for (let left = points; left > 0; left -= CHARGE_LIMIT) {
      const key = randomUUID();
      expectStatus(await patiently(() => this.charge(userId, Math.min(left, CHARGE_LIMIT), key)), 200);
    }
    return userId;
  }
}

/** How long a client comes back after a refusal, ms: a busy machine is not what most tests are about. */
const COMES_BACK_MS = 30_000;

/**
 * Asks again while the answer is a refusal, for half a minute at most.
 * @param restSeconds how long a refusal asks to wait, s; 0 or NaN for an answer that is none
 */
export async function comingBack<T>(ask: () => Promise<T>, restSeconds: (answer: T) => number): Promise<T> {
  for (const end = Date.now() + COMES_BACK_MS; ; ) {
    const answer = await ask();
    const seconds = restSeconds(answer);
    if (!(seconds > 0) || Date.now() + seconds * 1_000 > end) return answer;
    await sleep(seconds * 1_000);
  }
}

/** Repeats a request that is refused for load, as its Retry-After says. */
export function patiently<Body>(ask: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  return comingBack(ask, ({ status, text, headers }) => {
    // An order that its deadline has ended is answered with 503 too, and is over.
    const isRefused = status === 503 && text.includes('"SERVICE_UNAVAILABLE"');
    return isRefused ? Number(headers.get('retry-after')) : 0;
  });
}

/** The body of a new coupon policy. `wish` has the members that matter to the test; the others have defaults. */
export function policyBody(wish: Readonly<Record<string, unknown>> = {}) {
  return { name: 'test', discountAmount: 1_000, totalQuantity: 10, validDays: 30, ...wish };
}

const CHARGE_LIMIT = 10_000_000;

// Above the demo users, with another range for every run: tests on one stack never share accounts.
let lastUserId = 1_000_000 + Math.floor(Math.random() * 1_000_000) * 1000;

export function nextUserId(): number {
  return ++lastUserId;
}

/** Returns the answer if it has this status; otherwise throws an error that shows it. */
export function expectStatus<Body>(answer: Answer<Body>, status: number): Answer<Body> {
  if (answer.status === status) return answer;
  throw new Error(`expected status ${status}, got ${answer.status}: ${answer.text.slice(0, 500)}`);
}

function keyHeader(key: string | undefined): { headers?: Record<string, string> } {
  return key === undefined ? {} : { headers: { 'idempotency-key': key } };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
