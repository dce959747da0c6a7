import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Addresses } from '../addresses.ts';
import { signedCalls } from '../signed-call.ts';
import { DEMO_PRODUCTS } from './products.ts';

export interface DemoOptions {
  readonly addresses: Addresses;
  /** Number of users that get points, from user 1 on. Default 10,000. */
  readonly users?: number;
  /** Points for each, in won. Default 1,000,000. */
  readonly amount?: number;
  /** Prefix of every idempotency key: a second load with the same prefix changes nothing. Default `demo`. */
  readonly keyPrefix?: string;
  readonly onProgress?: (words: string) => void;
}

export interface DemoResult {
  /** True when all data was there already, so only reads were sent. */
  readonly skipped: boolean;
  /** Policies created: 1, or 0 when policy 1 was there. */
  readonly couponPolicies: number;
  readonly products: number;
  readonly charges: number;
  readonly durationMs: number;
}

/** Coupon policy 1. */
export const DEMO_POLICY = { name: 'Welcome coupon', discountAmount: 1_000, totalQuantity: 10_000, validDays: 30 };

/** Requests in flight: the services commit waiting requests together, so more in flight means fewer commits. */
const IN_FLIGHT = 100;
const ATTEMPTS = 8;

/**
 * Loads the demo data through the services' public API, past the gateway, since it acts for thousands of users. Every
 * request has an idempotency key, so the load can be interrupted and repeated. The last user is charged after
 * everything else, and so shows whether all data is there.
 */
export async function loadDemo(options: DemoOptions): Promise<DemoResult> {
  const started = performance.now();
  const { users = 10_000, amount = 1_000_000, keyPrefix = 'demo', onProgress = () => undefined } = options;
  const shop = openShop(options.addresses);
  const took = () => Math.round(performance.now() - started);
  try {
    const couponPolicies = (await hasPolicy(shop)) ? 0 : 1;
    if (couponPolicies > 0) {
      await post(shop, '/coupon-policies', DEMO_POLICY, `${keyPrefix}-coupon-policy-1`);
      onProgress(`coupon policy ${DEMO_POLICY.name}`);
    }
    if (await isCharged(shop, users, amount)) {
      return { skipped: couponPolicies === 0, couponPolicies, products: 0, charges: 0, durationMs: took() };
    }

    // Created one after the other, so that the ids follow the order of the list.
    for (const [index, product] of DEMO_PRODUCTS.entries()) {
      await post(shop, '/products', product, `${keyPrefix}-product-${index + 1}`);
    }
    onProgress(`${DEMO_PRODUCTS.length} products`);

    const charge = (userId: number) =>
      post(shop, '/points/charge', { userId, amount }, `${keyPrefix}-charge-${userId}`);
    let next = 1;
    const worker = async (): Promise<void> => {
      while (next < users) {
        const userId = next++;
        await charge(userId);
        if (userId % 2_500 === 0) onProgress(`${userId} of ${users} users charged`);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    await charge(users);
    return { skipped: false, couponPolicies, products: DEMO_PRODUCTS.length, charges: users, durationMs: took() };
  } finally {
    await shop.close();
  }
}

/** Policies are listed by id, and the first one ever has id 1. */
async function hasPolicy(shop: Shop): Promise<boolean> {
  const { status, body } = await shop.request('GET', '/coupon-policies?limit=1').catch((error: Error) => {
    throw new Error(`coupon cannot be reached: ${error.message}`);
  });
  if (status !== 200) throw new Error(`coupon answered ${status} to a look at the policies: ${body.slice(0, 300)}`);
  return (JSON.parse(body) as { items: unknown[] }).items.length > 0;
}

async function isCharged(shop: Shop, userId: number, amount: number): Promise<boolean> {
  const { status, body } = await shop
    .request('GET', `/points/history?userId=${userId}&limit=100`)
    .catch((error: Error) => {
      throw new Error(`payment cannot be reached: ${error.message}`);
    });
  if (status !== 200) throw new Error(`payment answered ${status} to a look at the points: ${body.slice(0, 300)}`);
  const { items } = JSON.parse(body) as { items: { type: string; amount: number }[] };
  return items.some((item) => item.type === 'CHARGE' && item.amount >= amount);
}

/** Repeats the request until it is accepted or refused: its key makes it one effect. */
async function post(shop: Shop, path: string, body: object, key: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await shop.request('POST', path, body, key).catch((error: Error) => ({
      status: 0,
      body: error.message,
    }));
    if (answer.status >= 200 && answer.status < 300) return;
    const mayPass = answer.status === 0 || answer.status === 409 || answer.status === 429 || answer.status >= 500;
    if (!mayPass || attempt === ATTEMPTS) {
      throw new Error(
        `POST ${path} (${key}) was answered ${answer.status || 'by nobody'}: ${answer.body.slice(0, 300)}`,
      );
    }
    await sleep(50 * 2 ** attempt);
  }
}

interface Shop {
  request(method: 'GET' | 'POST', path: string, body?: object, key?: string): Promise<{ status: number; body: string }>;
  close(): Promise<void>;
}

/** Opens the first instance of each service that takes demo data. */
function openShop({ services, internalKeys }: Addresses): Shop {
  const signed = signedCalls(internalKeys);
  const open = ({ urls: [url = ''] }: { readonly urls: readonly string[] }) =>
    new Pool(url, { connections: IN_FLIGHT, bodyTimeout: 30_000, headersTimeout: 30_000 });
  const pools = {
    products: open(services.catalog),
    points: open(services.payment),
    'coupon-policies': open(services.coupon),
  };
  return {
    async request(method, path, body, key) {
      const [, segment] = /^\/([\w-]+)/.exec(path) ?? [];
      const answer = await pools[segment as keyof typeof pools].request({
        method,
        path,
        headers: {
          ...signed(method, path),
          'content-type': 'application/json',
          ...(key ? { 'idempotency-key': key } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { status: answer.statusCode, body: await answer.body.text() };
    },
    async close() {
      await Promise.all(Object.values(pools).map((pool) => pool.close()));
    },
  };
}
